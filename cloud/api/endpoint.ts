import type { z } from "zod";
import type { Cloud } from "../cloud.ts";
import type { Tx } from "../database/database.ts";
import type { Side } from "../database/schema.ts";
import type { Reason } from "./reasons.ts";

/**
 * Who calls. `phone` is the person the session belongs to (or, in documented mode, the person named); an `open`
 * method has none.
 */
export interface Caller {
  side: Side;
  phone: string;
  /** The openid of the session; null after a login by SMS, and in documented mode until it is looked up. */
  openId: string | null;
  session: string | null;
}

/** Throws the refusal; it rolls back the transaction it is thrown in. Only declared reasons compile. */
export type Refuse<R extends Reason> = (reason: R | Common, detail?: string) => never;

/** Reasons that every endpoint may answer without declaring them. */
type Common = "PARAMETER" | "SESSION" | "APP_UNKNOWN" | "INTERNAL";

interface Context<I, R extends Reason, A> {
  cloud: Cloud;
  input: I;
  caller: A;
  refuse: Refuse<R>;
}

/** Runs `work` in the one transaction of this signed call; a repeat of the call gets the stored value instead. */
export type Once = <T>(work: (tx: Tx) => Promise<T>) => Promise<{ repeat: boolean; value: T }>;

type AuthMode = "session" | "open";
type CallerOf<A extends AuthMode> = A extends "session" ? Caller : null;

type Work<I, O, R extends Reason, A> =
  /** Reads; never stored for repeats. */
  | { read(context: Context<I, R, A>): Promise<O> }
  /** One transaction; the answer is stored with it, and a repeat of the signed call gets that answer. */
  | { change(context: Context<I, R, A> & { tx: Tx }): Promise<O> }
  /** Several steps with calls to the outside between them; each change goes through `once` or a transaction of the domain. */
  | { run(context: Context<I, R, A> & { once: Once }): Promise<O> };

export type Endpoint<
  I extends z.ZodObject = z.ZodObject,
  O extends z.ZodType = z.ZodType,
  R extends Reason = Reason,
  A extends AuthMode = AuthMode,
> = {
  name: string;
  side: Side;
  /** One sentence for the OpenAPI document. */
  summary: string;
  /** `open`: an app without a session may call it. */
  auth: A;
  /** The method's own parameters: the common ones, `session` and the side's `user` / `manager` are the loop's. */
  input: I;
  /** What stands in `data`. */
  output: O;
  refusals: readonly R[];
} & Work<z.output<I>, z.input<O>, R, CallerOf<A>>;

/** One endpoint is one value: routing, checks, the OpenAPI document and the typed client come from the table of them. */
export function endpoint<
  I extends z.ZodObject,
  O extends z.ZodType,
  const R extends Reason,
  A extends AuthMode,
>(definition: Endpoint<I, O, R, A>): Endpoint<I, O, R, A> {
  return definition;
}
