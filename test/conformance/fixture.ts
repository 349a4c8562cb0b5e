import { expect } from "vitest";
import type { Change } from "./fingerprint.ts";
import type { HostileName } from "./hostile.ts";
import type { Parameters, Sent } from "./signing.ts";
import { NOW, type World } from "./world.ts";

/** A refusal changes nothing, in any table. `says` is a part of the message: it names the check that refused. */
export interface Refusal {
  code: 0 | 1 | 2 | 3 | 4 | 5 | 6 | 999;
  reason: string;
  says?: string;
  /** `[]` where it is not given. */
  data?: unknown;
  serverTime?: number;
}

/** `data` is compared in full, and so is what has become of every table. */
export interface Success {
  data: unknown;
  change: Change;
}

export type Expected = Refusal | Success;

/** How one parameter is gone through. `refused` answers every bad value for which nothing else is said. */
export interface ParameterCases {
  refused: Refusal;
  /** In documented mode, without a session, where identity speaks first. */
  refusedDocumented?: Refusal;
  /** Left out, null or empty. `optional`: as if the call were the documented one. */
  missing: Expected | "optional";
  /** Scalars of another type than the parameter's. */
  wrongType: readonly BadValue[];
  outOfRange: readonly BadValue[];
  /** Other values that are answered as the documented call is. */
  accepted?: readonly Sent[];
  /** Hostile values that are in the parameter's form: what becomes of each. */
  hostileInForm?: { names: readonly HostileName[]; expected(value: string): Expected };
  /** Members that the call has besides, null to leave one out; for parameters that the documented call does not have. */
  base?: Parameters;
}

/** A value and, where it is not `refused`, what it is answered. */
export type BadValue = Sent | readonly [value: Sent, answer: Refusal];

export interface MethodFixture {
  side: "user" | "manager";
  /** `session`: somebody with a phone number. `login`: a session is enough. `open`: nobody need be known. */
  auth: "session" | "login" | "open";
  /** Beyond the world that every method has. */
  given?(world: World): Promise<void>;
  /** The method's own parameters as documented, `user` or `manager` among them where the document has it. */
  own: Parameters;
  success: Success;
  /** Where the answer to a call without a session is another in documented mode. */
  documented?: Success;
  /** Where a call that could go without a session carries one. */
  withSession?: Success;
  /** The second of two identical calls; where it is not given it has the first one's answer and changes nothing. */
  repeat?: Success;
  parameters: Readonly<Record<string, ParameterCases>>;
  /** Objects of another, and ones that do not exist: by whom, with which parameters; or why there are none. */
  objects: readonly ObjectCase[] | string;
  /** Manager's side: what a manager gets whom the operator has not approved. */
  pending?: "allowed" | "refused";
}

export interface ObjectCase {
  name: string;
  by: "me" | "another";
  own: Parameters;
  /** Mostly a refusal; a filter of a list finds nothing. */
  expected: Expected;
}

/** The stored answer of a change. */
export const answered = (app: "user" | "manager", method: string, answer: unknown) => ({
  app,
  method,
  signature: expect.stringMatching(/^[A-Za-z0-9+/]{22}==$/),
  answer,
  insertTime: NOW,
});
