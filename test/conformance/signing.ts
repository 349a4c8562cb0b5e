import { createHash } from "node:crypto";

/** A member of a call's body as it is written: anything that JSON can say, so that wrong types can be sent as well. */
export type Sent =
  | string
  | number
  | boolean
  | null
  | readonly unknown[]
  | { readonly [name: string]: unknown };
export type Parameters = Readonly<Record<string, Sent>>;

/**
 * The signature of spec 2, from the page alone and on a hash of its own: base64 of the 16 bytes, or of their 32 hex
 * characters.
 */
export function signatureOf(
  parameters: Parameters,
  jamCode: string,
  form: "bytes" | "hex" = "bytes",
): string {
  const names = Object.keys(parameters).filter((n) => n !== "signature" && parameters[n] !== null);
  const text = names
    .sort()
    .map((n) => `${n}${String(parameters[n])}`)
    .join("");
  const hash = createHash("md5").update(`${text}${jamCode}`, "utf8");
  return form === "bytes" ? hash.digest("base64") : Buffer.from(hash.digest("hex")).toString("base64");
}
