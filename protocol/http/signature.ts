import { md5 } from "@noble/hashes/legacy.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { base64, equalConstantTime, utf8 } from "../text.ts";

/**
 * Parameters of a call as text: of a JSON number its literal as written, of a boolean `true` / `false`. A
 * null parameter is left out of the map, an empty string stays in (spec 2, "Signature").
 */
export type Parameters = ReadonlyMap<string, string>;

/** What carries a signature is not signed: `passSign` of local calls takes no part in `signature` either (spec 4). */
const UNSIGNED = ["signature", "passSign"];

/** `name1value1name2value2…` by name in ASCII order, without the signatures: what is signed, before the jam code. */
export function signedText(parameters: Parameters): string {
  return [...parameters.keys()]
    .filter((name) => !UNSIGNED.includes(name))
    .sort(byCodeUnit)
    .map((name) => name + (parameters.get(name) ?? ""))
    .join("");
}

const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** The form our clients send: base64 of the 16 bytes of md5(signed text + jam code), 24 characters. */
export function httpSignature(parameters: Parameters, jamCode: string): string {
  return base64(digest(parameters, jamCode));
}

/** Takes base64 of the 16 raw bytes (24 characters) and of the 32 hex characters (44). Constant time. */
export function verifyHttpSignature(parameters: Parameters, signature: string, jamCode: string): boolean {
  const hash = digest(parameters, jamCode);
  const raw = equalConstantTime(signature, base64(hash));
  const hex = equalConstantTime(signature, base64(utf8(bytesToHex(hash))));
  return raw || hex;
}

const digest = (parameters: Parameters, jamCode: string): Uint8Array =>
  md5(utf8(signedText(parameters) + jamCode));
