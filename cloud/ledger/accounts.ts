/**
 * The accounts of the ledger by name (spec 2, "Tables"). A person's account carries the phone number behind a colon.
 * Money that comes in leaves `wechat_clearing`, which therefore stands at minus what WeChat holds for us.
 */
export type Account =
  | `user_coins:${string}`
  | `user_coins_held:${string}`
  | `manager_payable:${string}`
  | `manager_paid_out:${string}`
  | "wechat_clearing"
  | "platform"
  | "opening";

/** `manager_payable` may be negative: a refund after a cash-out lowers the next ones. */
export const mustNotBeNegativeKinds = ["user_coins", "user_coins_held", "manager_paid_out"] as const;

const kindOf = (account: string): string => account.split(":")[0] ?? "";

/** Whether the account must not be negative. */
export function mustNotBeNegative(account: string): boolean {
  const kind = kindOf(account);
  return mustNotBeNegativeKinds.some((k) => k === kind);
}

/** The phone number whose spendable coins the account holds; undefined for every other account. */
export function coinOwner(account: string): string | undefined {
  return kindOf(account) === "user_coins" ? account.slice("user_coins:".length) : undefined;
}
