import type { Refuse } from "./endpoint.ts";
import type { Reason } from "./reasons.ts";

/** An expected no; thrown, so that the transaction it comes from is rolled back, and caught by the serving loop only. */
export class Refusal extends Error {
  readonly reason: Reason;
  /** Names the parameter and what is allowed; for the message. */
  readonly detail: string | undefined;

  constructor(reason: Reason, detail?: string) {
    super(detail === undefined ? reason : `${reason}: ${detail}`);
    this.reason = reason;
    this.detail = detail;
  }
}

export const refuse: Refuse<Reason> = (reason, detail) => {
  throw new Refusal(reason, detail);
};
