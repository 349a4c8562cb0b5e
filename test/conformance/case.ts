import type { Expected, MethodFixture, Refusal, Success } from "./fixture.ts";
import type { Ask } from "./request.ts";
import type { Parameters } from "./signing.ts";
import { type AuthMode, NOW_S, type World } from "./world.ts";

/** What never reaches a method: an HTTP status, and nothing changes. */
export interface Turned {
  http: 405 | 413 | 415;
}

export interface Case {
  name: string;
  given?(world: World): Promise<void>;
  ask: Ask;
  expected: Expected | Turned;
  /** Sent after the first has been answered, and what that changes. */
  again?: { ask: Ask; expected: Success };
}

export const parameter = (says: string): Refusal => ({ code: 3, reason: "PARAMETER", says });
export const appUnknown: Refusal = { code: 4, reason: "APP_UNKNOWN" };
export const noSession: Refusal = { code: 4, reason: "SESSION" };
export const wrongSignature: Refusal = { code: 2, reason: "SIGNATURE" };
export const wrongTime: Refusal = { code: 1, reason: "TIMESTAMP", serverTime: NOW_S };
export const TIMESTAMP_FORM = parameter("timestamp: UNIX seconds, plain digits");

/** A fixture with what every case needs to know of the method and the mode. */
export interface Method {
  name: string;
  mode: AuthMode;
  fixture: MethodFixture;
  /** The documented call's members, the session among them where the mode asks for one. */
  own: Parameters;
  success: Success;
  json(own: Parameters, change?: Parameters): Ask;
}
