/**
 * Identifiers in the documented forms (spec 2, "Identifiers"): a letter or digit, digits of phone numbers, and the last digits
 * of the UNIX second. Each generator counts the second up with every id asked for: the taker stops at the first that is free.
 */
import type { Instant } from "@bluepower/protocol/clock";
import type { OrderId } from "@bluepower/protocol/units";

/** `9` + last 4 of the phone + last 9 of the second. */
export const orderIds = (user: string, at: Instant): Generator<OrderId, never> =>
  ids(`9${user.slice(-4)}`, at, 9) as Generator<OrderId, never>;

/** Of a purchase of coins: `P` + last 4 of the phone + last 6 of the second. */
export const payIds = (user: string, at: Instant): Generator<string, never> =>
  ids(`P${user.slice(-4)}`, at, 6);

/** `G` + last 2 of giver and receiver + last 6 of the second. */
export const giftIds = (of: { from: string; to: string }, at: Instant): Generator<string, never> =>
  ids(`G${of.from.slice(-2)}${of.to.slice(-2)}`, at, 6);

/** `C` + last 4 of the manager's phone + last 6 of the second. */
export const cashOutIds = (manager: string, at: Instant): Generator<string, never> =>
  ids(`C${manager.slice(-4)}`, at, 6);

function* ids(prefix: string, at: Instant, digits: number): Generator<string, never> {
  const second = Math.floor(at / 1000);
  for (let i = 0; ; i++) yield prefix + String((second + i) % 10 ** digits).padStart(digits, "0");
}
