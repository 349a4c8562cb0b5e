export const FAULT_TARGETS = ["pay", "login", "shipping", "sms"] as const;
export type FaultTarget = (typeof FAULT_TARGETS)[number];
export const FAULT_KINDS = ["500", "429", "timeout-after-commit", "bad-signature"] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** One fault can be asked for this many times: a test that wants more wants an outage. */
export const FAULT_TIMES_MAX = 1000;

/**
 * Faults that wait for calls, in the order in which they were asked for. `pay` is every call of WeChat Pay,
 * `login` jscode2session and getuserphonenumber, `shipping` upload_shipping_info and is_trade_managed, `sms` SendSms.
 */
export interface Faults {
  /** `times` more calls go wrong; 0 takes back all faults of the target. */
  add(on: FaultTarget, kind: FaultKind, times: number): void;
  /** What is to go wrong with the call that has just come in. */
  take(on: FaultTarget): FaultKind | undefined;
  waiting(): { on: FaultTarget; kind: FaultKind; times: number }[];
}

export function faults(): Faults {
  let queue: { on: FaultTarget; kind: FaultKind; times: number }[] = [];
  return {
    add(on, kind, times) {
      if (times === 0) queue = queue.filter((fault) => fault.on !== on);
      else {
        const same = queue.find((fault) => fault.on === on && fault.kind === kind);
        // Joined with its like, so that the queue never holds more than one entry of each pair.
        if (same === undefined) queue.push({ on, kind, times });
        else same.times = Math.min(FAULT_TIMES_MAX, same.times + times);
      }
    },
    take(on) {
      const fault = queue.find((waiting) => waiting.on === on);
      if (fault === undefined) return undefined;
      fault.times -= 1;
      if (fault.times === 0) queue = queue.filter((waiting) => waiting !== fault);
      return fault.kind;
    },
    waiting: () => queue.map((fault) => ({ ...fault })),
  };
}
