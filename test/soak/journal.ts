/** What was answered to somebody: it has to be so for ever. Money is fen, coins are whole. */

export interface KnownOrder {
  orderId: string;
  user: string;
  deviceCode: string;
  port: number;
  unit: number;
  unitPrice: number;
  /** Furthest of what its user was told of it. */
  told: "made" | "charging" | "finished" | "cancelled";
  toldPaid: boolean;
  /** What its user has given for it. */
  paid: { coins: number; cash: number } | undefined;
  /** What an operator has given back of that. */
  back: { coins: number; cash: number };
}

export interface KnownPurchase {
  payId: string;
  user: string;
  coins: number;
  /** WeChat has taken the money. */
  paid: boolean;
  /** The cloud has said that the coins are there. */
  toldPaid: boolean;
  /** Coins that an operator has taken back for their money. */
  back: number;
}

/** As its manager has set it; only the owner changes it, one call after the other. */
export interface KnownDevice {
  owner: string;
  /** Fen for a unit. */
  price: number;
  name: string;
}

export interface KnownCashOut {
  cashOutId: string;
  step: "requested" | "approved" | "paid" | "failed";
}

/** Everything that users, managers and the operator were told, in memory of the test, which is not killed. */
export class Journal {
  readonly orders = new Map<string, KnownOrder>();
  /** The plate that each call to order carried, and the order that the call was answered with; null: it was refused. */
  readonly plates = new Map<string, string | null>();
  readonly purchases = new Map<string, KnownPurchase>();
  readonly gifts: { from: string; to: string; coins: number }[] = [];
  readonly devices = new Map<string, KnownDevice>();
  /** Manager and user, as one text; false after the user was taken off again. */
  readonly black = new Map<string, boolean>();
  /** Cash-outs that each manager was promised. */
  readonly cashOuts = new Map<string, number>();
  readonly processed = new Map<string, KnownCashOut>();
  /** Numbers of the refunds that the operator was told. */
  readonly refunds = new Set<string>();
  /** How often what happened. */
  readonly counts = new Map<string, number>();
  readonly findings: string[] = [];

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  finding(text: string): void {
    this.findings.push(text);
  }

  /** A user has seen the order; what was seen never goes back. */
  seen(orderId: string, now: { state: string; payState?: string }): void {
    const order = this.orders.get(orderId);
    if (order === undefined) return;
    const { state, payState } = now;
    const rank = RANK[state];
    if (rank === undefined) this.finding(`order ${orderId} was answered as ${state}`);
    else if (rank < (RANK[order.told] ?? 0) || isOtherEnd(order.told, state)) {
      this.finding(`order ${orderId} was ${order.told}, and is ${state} now`);
    } else if (state !== "starting") order.told = state as KnownOrder["told"];
    if (payState === "paid") order.toldPaid = true;
    else if (payState !== undefined && order.toldPaid) {
      this.finding(`order ${orderId} was paid, and is ${payState} now`);
    }
  }
}

const RANK: Record<string, number> = {
  made: 0,
  starting: 0,
  charging: 1,
  finished: 2,
  cancelled: 2,
};

const isOtherEnd = (told: string, state: string): boolean =>
  ["finished", "cancelled"].includes(told) && told !== state;
