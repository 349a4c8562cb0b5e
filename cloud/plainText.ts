/** Characters that cannot be in a text on one line: controls, halves of characters, ends of lines and paragraphs. */
const NO_TEXT = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u;
/**
 * Characters without a picture of their own, which turn the direction of what follows or hide in it, so that two names look alike
 * or one looks like another. The joiner of composed pictures is one of them: no name here needs it.
 */
const HIDDEN = /\p{Cf}/u;
/** What shows something; fillers, variation selectors and the empty Braille cell are letters or signs by their class alone. */
const SEEN = /[^\s\p{M}\p{Default_Ignorable_Code_Point}\u2800]/u;

/** A text that people give and read on one line, a name or a reason: 1 to `max` characters, none hidden, and not blank. */
export const isPlainText = (text: string, max: number): boolean =>
  // The cheap bound first: a character is one or two units.
  text.length <= 2 * max &&
  [...text].length <= max &&
  SEEN.test(text) &&
  !NO_TEXT.test(text) &&
  !HIDDEN.test(text);

/** What somebody has sent or written, fit for a line of a terminal. */
export const oneLine = (text: string): string => text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, " ");
