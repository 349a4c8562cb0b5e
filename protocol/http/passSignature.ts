import { ed25519 } from "@noble/curves/ed25519.js";
import { base64, fromBase64, utf8 } from "../text.ts";
import { type Parameters, signedText } from "./signature.ts";

/**
 * `passSign` of a call to a gateway's local interface: Ed25519 by the phone's key over method + newline + the
 * signed text without the jam code (spec 4). It and `signature` take no part in the text.
 */
const passText = (method: string, parameters: Parameters): Uint8Array =>
  utf8(`${method}\n${signedText(parameters)}`);

export function passSignature(method: string, parameters: Parameters, secretKey: Uint8Array): string {
  return base64(ed25519.sign(passText(method, parameters), secretKey));
}

export function verifyPassSignature(
  method: string,
  parameters: Parameters,
  signature: string,
  publicKey: Uint8Array,
): boolean {
  const bytes = fromBase64(signature);
  if (bytes === undefined || bytes.length !== 64 || publicKey.length !== 32) return false;
  try {
    // Strict, as RFC 8032 says: a key of small order would let one signature stand for every text.
    return ed25519.verify(bytes, passText(method, parameters), publicKey, { zip215: false });
  } catch {
    return false; // a public key that is no point of the curve
  }
}
