/**
 * Checks of decoded JSON, for messages that cross the uplink. The phone's folder has no schema library
 * (several of them compile with `eval`, which WeChat forbids).
 */
export type Shape<T> = (value: unknown, path: string) => T;
export type Shaped<S> = S extends Shape<infer T> ? T : never;

class ShapeError extends Error {}

const fail = (path: string, expected: string): never => {
  throw new ShapeError(`${path || "message"}: ${expected}`);
};

/** Runs a shape; a value or the name of the first field that is wrong and what is allowed there. */
export function decode<T>(shape: Shape<T>, value: unknown): { value: T } | { problem: string } {
  try {
    return { value: shape(value, "") };
  } catch (error) {
    if (error instanceof ShapeError) return { problem: error.message };
    throw error;
  }
}

export function decodeJson<T>(shape: Shape<T>, text: string): { value: T } | { problem: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problem: "message: JSON" };
  }
  return decode(shape, value);
}

export const is =
  <T>(check: (v: unknown) => v is T, expected: string): Shape<T> =>
  (v, path) =>
    check(v) ? v : fail(path, expected);

export const whole = is(
  (v): v is number => typeof v === "number" && Number.isSafeInteger(v) && v >= 0,
  "a whole number from 0",
);
export const integer = is(
  (v): v is number => typeof v === "number" && Number.isSafeInteger(v),
  "a whole number",
);
export const string = (max: number): Shape<string> =>
  is((v): v is string => typeof v === "string" && v.length <= max, `a text of at most ${max} characters`);
export const boolean = is((v): v is boolean => typeof v === "boolean", "true or false");
export const anything: Shape<unknown> = (v) => v;

export const oneOf = <const T extends string>(...words: readonly T[]): Shape<T> =>
  is((v): v is T => (words as readonly unknown[]).includes(v), `one of ${words.join(", ")}`);

export const list =
  <T>(of: Shape<T>, max: number): Shape<T[]> =>
  (v, path) => {
    if (!Array.isArray(v) || v.length > max) return fail(path, `a list of at most ${max}`);
    return v.map((item, i) => of(item, `${path}[${i}]`));
  };

export const nullable =
  <T>(of: Shape<T>): Shape<T | null> =>
  (v, path) =>
    v === null ? null : of(v, path);

/** A member that an older peer does not send. */
export const ifMissing =
  <T>(value: T, of: Shape<T>): Shape<T> =>
  (v, path) =>
    v === undefined ? value : of(v, path);

type Members = Record<string, Shape<unknown>>;
type ObjectOf<M extends Members> = { [K in keyof M]: Shaped<M[K]> };

/** Members that are named must be there (`null` only where the shape says so); unknown ones are left out: a newer peer may add some. */
export const object =
  <M extends Members>(members: M): Shape<ObjectOf<M>> =>
  (v, path) => {
    if (typeof v !== "object" || v === null || Array.isArray(v)) return fail(path, "an object");
    const out: Record<string, unknown> = {};
    for (const [name, shape] of Object.entries(members)) {
      out[name] = shape((v as Record<string, unknown>)[name], path ? `${path}.${name}` : name);
    }
    return out as ObjectOf<M>;
  };

/** A union told apart by the text in its member `kind`. */
export const byKind =
  <M extends Record<string, Shape<object>>>(
    kinds: M,
  ): Shape<{ [K in keyof M]: { kind: K } & Shaped<M[K]> }[keyof M]> =>
  (v, path) => {
    const kind = typeof v === "object" && v !== null ? (v as { kind?: unknown }).kind : undefined;
    const shape = typeof kind === "string" && Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
    if (shape === undefined) {
      return fail(path ? `${path}.kind` : "kind", `one of ${Object.keys(kinds).join(", ")}`);
    }
    return { kind, ...shape(v, path) } as { [K in keyof M]: { kind: K } & Shaped<M[K]> }[keyof M];
  };
