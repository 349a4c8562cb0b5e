import type { Parameters } from "@bluepower/protocol/http/signature";

/** A call's parameters, each as the text that was sent, or why the body is none (spec 2: one object, scalars, nothing twice). */
export type Read = { parameters: Parameters; booleans: ReadonlySet<string> } | { problem: string };

/** Reads `name=value&…`. Percent escapes that are no UTF-8 become U+FFFD, as everywhere. */
export function readForm(body: string): Read {
  const parameters = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(body)) {
    if (parameters.has(name)) return { problem: `${shown(name)} is given twice` };
    parameters.set(name, value);
  }
  return { parameters, booleans: new Set() };
}

/** Patterns of RFC 8259; sticky, so each is tried at one place only. No pattern backtracks over what it has read. */
const space = /[ \t\n\r]*/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them in a text
const string = /"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\u0000-\u001f]*)*"/y;
const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const word = /true|false|null/y;

/**
 * Reads one JSON object whose members are scalars. A number stays as it is written, because it is signed as written
 * (`1.50`); a member that is null counts as absent. General parsers lose the literal or take a name twice.
 */
export function readJson(body: string): Read {
  const parameters = new Map<string, string>();
  const booleans = new Set<string>();
  const names = new Set<string>();
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(body)?.[0];
    if (found !== undefined) at += found.length;
    return found;
  };
  const next = (): string => {
    take(space);
    return body.charAt(at);
  };
  const broken = (): Read => ({ problem: "the body is no JSON object" });

  if (next() !== "{") return broken();
  at++;
  if (next() === "}") at++;
  else {
    for (;;) {
      next();
      const quoted = take(string);
      if (quoted === undefined || next() !== ":") return broken();
      at++;
      const name = JSON.parse(quoted) as string;
      if (names.has(name)) return { problem: `${shown(name)} is given twice` };
      names.add(name);
      const first = next();
      if (first === "{" || first === "[") return { problem: `${shown(name)} is one text or number` };
      const text = take(string);
      const literal = text === undefined ? (take(number) ?? take(word)) : undefined;
      if (text !== undefined) parameters.set(name, JSON.parse(text) as string);
      else if (literal === undefined) return broken();
      else if (literal !== "null") parameters.set(name, literal);
      if (literal === "true" || literal === "false") booleans.add(name);
      const end = next();
      at++;
      if (end === "}") break;
      if (end !== ",") return broken();
    }
  }
  next();
  return at === body.length ? { parameters, booleans } : broken();
}

/** A name as it may stand in a message: a caller chooses it. */
export const shown = (name: string): string =>
  name.length <= 40 && /^[\x21-\x7e]+$/.test(name) ? name : "a parameter";
