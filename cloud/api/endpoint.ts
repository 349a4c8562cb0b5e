import type { z } from "zod";
import type { Cloud } from "../cloud.ts";
import type { Tx } from "../database/database.ts";
import type { Side } from "../database/schema.ts";
import type { Reason } from "./reasons.ts";

/**
 * Who calls: the person the session belongs to. In documented mode a call without a session is taken as the person it
 * names, or the owner of the order or payment it names; of a call that names nobody (`reportDevicePort`) `phone` is "".
 */
export interface Caller {
  side: Side;
  phone: string;
  /** The openid of the session, in documented mode the newest of that phone; null when it logged in by SMS only. */
  openId: string | null;
  session: string | null;
}

/** Somebody who has logged in; `phone` is null until a phone number is bound. */
export interface LoggedIn {
  side: Side;
  phone: string | null;
  openId: string | null;
  session: string;
}

/** Throws the refusal; it rolls back the transaction it is thrown in. Only declared reasons compile. */
export type Refuse<R extends Reason> = (reason: R | Common, detail?: string) => never;

/** Reasons that every endpoint may answer without declaring them. */
export type Common = (typeof commonReasons)[number];
export const commonReasons = [
  "PARAMETER",
  "APP_UNKNOWN",
  "TIMESTAMP",
  "SIGNATURE",
  "SESSION",
  "MANAGER_PENDING",
  "INTERNAL",
] as const satisfies readonly Reason[];

interface Context<I, R extends Reason, A> {
  cloud: Cloud;
  input: I;
  caller: A;
  /** The client's address, as far as TRUST_PROXY lets it be known. */
  address: string;
  refuse: Refuse<R>;
}

/** Runs `work` in the one transaction of this signed call; a repeat of the call gets the stored value instead. */
export type Once = <T>(work: (tx: Tx) => Promise<T>) => Promise<{ repeat: boolean; value: T }>;

/** `session`: somebody with a phone number. `login`: a session is enough. `open`: an app without a session may call. */
export type AuthMode = "session" | "login" | "open";
type CallerOf<A extends AuthMode> = { session: Caller; login: LoggedIn; open: LoggedIn | null }[A];

type Work<I, O, R extends Reason, A> =
  /** Reads; never stored for repeats. `remark`: the answer is good, and the top-level `reason` says this beside it. */
  | { read(context: Context<I, R, A> & { remark(reason: R): void }): Promise<O> }
  /** One transaction; the answer is stored with it, and a repeat of the signed call gets that answer. */
  | { change(context: Context<I, R, A> & { tx: Tx }): Promise<O> }
  /** Several steps with calls to the outside between them; each change goes through `once` or a transaction of the domain. */
  | { run(context: Context<I, R, A> & { once: Once }): Promise<O> };

interface Facts<I extends z.ZodObject, O extends z.ZodType, R extends Reason, A extends AuthMode> {
  name: string;
  side: Side;
  /** One sentence for the OpenAPI document. */
  summary: string;
  /** What somebody who calls it has to know beside that; line breaks are as good as blanks. */
  description: string;
  auth: A;
  /** A manager whom the operator has not approved yet may call it. */
  pendingManager?: true;
  /** Moves money: the narrower rate holds (spec 2, "Rates"). */
  movesMoney?: true;
  /** A login: its own rate by address holds. */
  login?: true;
  /** The method's own parameters: the common ones, `session` and the side's `user` / `manager` are the loop's. */
  input: I;
  /** What stands in `data`. */
  output: O;
  refusals: readonly R[];
}

export type Endpoint<
  I extends z.ZodObject,
  O extends z.ZodType,
  R extends Reason,
  A extends AuthMode,
> = Facts<I, O, R, A> & Work<z.output<I>, z.input<O>, R, CallerOf<A>>;

/** An endpoint of the table: what it works with is known to itself only, the loop gives it what its schemas say. */
export type AnyEndpoint = Facts<z.ZodObject, z.ZodType, Reason, AuthMode> &
  (
    | { read(context: never): Promise<unknown> }
    | { change(context: never): Promise<unknown> }
    | { run(context: never): Promise<unknown> }
  );

/** One endpoint is one value: routing, checks, the OpenAPI document and the typed client come from the table of them. */
export function endpoint<
  I extends z.ZodObject,
  O extends z.ZodType,
  const R extends Reason,
  A extends AuthMode,
>(definition: Endpoint<I, O, R, A>): Endpoint<I, O, R, A> {
  return definition;
}
