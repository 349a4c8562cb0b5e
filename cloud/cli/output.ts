/** Columns for a terminal; `empty` when there is no row. */
export function table(
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
  empty: string,
): string {
  if (rows.length === 0) return empty;
  const lines = [head, ...rows.map((row) => row.map(String))];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => columns(line[column] ?? ""))));
  return lines
    .map((line) =>
      line
        .map((text, column) => text + " ".repeat((widths[column] ?? 0) - columns(text)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** How many columns a terminal gives a text: two to each Chinese character. */
function columns(text: string): number {
  return [...text].reduce(
    (n, c) =>
      n +
      (/[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/.test(c)
        ? 2
        : 1),
    0,
  );
}

/** A phone number for lists: the middle is nobody's business. */
export const masked = (phone: string): string => `${phone.slice(0, 3)}****${phone.slice(-4)}`;

/** A person's name for lists: 张**. */
export const maskedName = (name: string): string => {
  const [first = "", ...others] = name;
  return first + "*".repeat(others.length);
};

/** A text with the middle of every phone number in it left out; longer numbers are none. */
export const maskedPhones = (text: string): string =>
  text.replaceAll(/(?<![0-9])1[0-9]{10}(?![0-9])/g, masked);

export const yuan = (fen: number): string => (fen / 100).toFixed(2);
