import type { Instant } from "@bluepower/protocol/clock";
import type { OrderId } from "@bluepower/protocol/units";

const SECONDS = 1_000_000_000;

/**
 * Order ids in the documented form, `9` + last 4 of the phone + last 9 of the UNIX second, the second counted up modulo
 * 10⁹ with every id asked for: the taker stops at the first that is free (spec 2, "Identifiers").
 */
export function* orderIds(user: string, at: Instant): Generator<OrderId, never> {
  const second = Math.floor(at / 1000);
  for (let i = 0; ; i++) {
    yield `9${user.slice(-4)}${String((second + i) % SECONDS).padStart(9, "0")}` as OrderId;
  }
}
