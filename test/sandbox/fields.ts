/** What is wrong with one field: its path, and what is allowed there. */
export interface Problem {
  field: string;
  issue: string;
}

/** Says what is allowed when the value is not. */
export type Rule = (value: unknown) => string | undefined;
export interface Shape {
  [name: string]: { required: boolean; rule: Rule | Shape };
}

export const required = (rule: Rule | Shape): Shape[string] => ({ required: true, rule });
export const optional = (rule: Rule | Shape): Shape[string] => ({ required: false, rule });

/** Length is counted in characters, not in UTF-16 units. */
export const text =
  (least: number, most: number, form?: { pattern: RegExp; says: string }): Rule =>
  (value) => {
    if (typeof value !== "string") return "must be a text";
    const length = [...value].length;
    if (length < least || length > most) return `must have ${least} to ${most} characters`;
    return form === undefined || form.pattern.test(value) ? undefined : `must be ${form.says}`;
  };

export const wholeNumber =
  (least: number, most: number): Rule =>
  (value) =>
    typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= most
      ? undefined
      : `must be a whole number from ${least} to ${most}`;

export const oneOf =
  (...allowed: readonly (string | number | boolean)[]): Rule =>
  (value) =>
    allowed.some((one) => one === value)
      ? undefined
      : `must be one of ${allowed.map((one) => JSON.stringify(one)).join(", ")}`;

export const anything: Rule = () => undefined;
export const openid = text(1, 128, { pattern: /^[0-9A-Za-z_-]+$/, says: "made of 0-9 A-Z a-z _ -" });

/** The first thing wrong with a body, or undefined. A member that the shape does not name is wrong too. */
export function firstProblem(body: unknown, shape: Shape, at = ""): Problem | undefined {
  if (!isObject(body)) return { field: at === "" ? "body" : at, issue: "must be a JSON object" };
  const path = (name: string): string => (at === "" ? name : `${at}.${name}`);
  for (const name of Object.keys(body)) {
    if (!Object.hasOwn(shape, name)) {
      return { field: path(name), issue: `is not known; allowed are ${Object.keys(shape).join(", ")}` };
    }
  }
  for (const [name, { required, rule }] of Object.entries(shape)) {
    const value = body[name];
    if (value === undefined) {
      if (required) return { field: path(name), issue: "is missing" };
    } else if (typeof rule === "function") {
      const issue = rule(value);
      if (issue !== undefined) return { field: path(name), issue };
    } else {
      const inside = firstProblem(value, rule, path(name));
      if (inside !== undefined) return inside;
    }
  }
  return undefined;
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Undefined when the text is no JSON. */
export function parseJson(raw: string): unknown {
  try {
    return JSON.parse(raw) as unknown;
  } catch {
    return undefined;
  }
}

/** The same text for bodies that differ in the order of their members only. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    isObject(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );
}
