import { md5 } from "@noble/hashes/legacy.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { utf8 } from "../text.ts";
import type { Request, SetName } from "./frames.ts";

/** md5(NAME + p1 + … + pn + timestamp + jamCode), 32 lower-case hex characters (spec 1). */
export function chargerSignature(
  of: { name: SetName; parameters: readonly string[]; timestamp: string },
  jamCode: string,
): string {
  return bytesToHex(md5(utf8([of.name, ...of.parameters, of.timestamp, jamCode].join(""))));
}

/** A signed set command. */
export function signRequest(
  of: { name: SetName; parameters: readonly string[]; timestamp: string },
  jamCode: string,
): Request {
  return { kind: "set", ...of, parameters: [...of.parameters], signature: chargerSignature(of, jamCode) };
}
