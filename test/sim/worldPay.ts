import { type Clock, millis, wait } from "@bluepower/protocol/clock";
import { below, chance, type Random } from "@bluepower/protocol/random";
import type { PaymentProvider } from "../../cloud/payments/payments.ts";
import { type ScriptedPay, scriptedPay } from "../../cloud/payments/scriptedPay.ts";
import type { History } from "./worldHistory.ts";

type Call = keyof ScriptedPay["faults"];

/** Probability of each fault of a call. */
const DOWN = 0.08;
const LOST = 0.08;
const REFUSED = 0.03;
const SLOW = 0.1;

/** WeChat Pay of the world: it takes its time, is down, does the work and loses the answer, or says no. */
export class WorldPay {
  readonly #script: ScriptedPay;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #history: History;
  faulty = true;
  readonly provider: PaymentProvider;

  constructor(of: { clock: Clock; random: Random; history: History }) {
    this.#clock = of.clock;
    this.#random = of.random;
    this.#history = of.history;
    const script = scriptedPay(of.clock);
    this.#script = script;
    this.provider = {
      appId: script.appId,
      mchId: script.mchId,
      createJsapi: (order) => this.#call("create", () => script.createJsapi(order)),
      createH5: (order) =>
        this.#call("create", async () => {
          const made = await script.createH5(order);
          return made.kind === "created" ? { ...made, h5Url: `h5:${order.outTradeNo}` } : made;
        }),
      query: (number) => this.#call("query", () => script.query(number)),
      close: (number) => this.#call("close", () => script.close(number)),
      refund: (refund) => this.#call("refund", () => script.refund(refund)),
      readNotification: (headers, body) => script.readNotification(headers, body),
    };
  }

  /** The payer pays; false when nobody can any more. */
  pay(outTradeNo: string): boolean {
    return this.#script.pay(outTradeNo);
  }

  /** Body of the notification of a payment. */
  told(outTradeNo: string): string {
    return this.#script.told(outTradeNo).body;
  }

  /** What was paid and not given back, of each number that was paid. */
  kept(): Map<string, number> {
    const kept = new Map<string, number>();
    for (const [number, { state, amount }] of this.#script.transactions) {
      if (state === "paid") kept.set(number, amount);
    }
    for (const { outTradeNo, amount } of this.#script.refunds.values()) {
      kept.set(outTradeNo, (kept.get(outTradeNo) ?? 0) - amount);
    }
    return kept;
  }

  /** For a planted bug: WeChat takes the one's payment for the other's. */
  exchange(one: string, other: string): void {
    const [a, b] = [this.#script.transactions.get(one), this.#script.transactions.get(other)];
    if (a !== undefined && b !== undefined) [a.amount, b.amount] = [b.amount, a.amount];
  }

  heal(): void {
    this.faulty = false;
    this.#script.refundsSettle = true;
    for (const call of Object.values(this.#script.faults)) call.splice(0);
  }

  /** The fault is decided when the call arrives, after its way; the answer has a way of its own. */
  async #call<T>(call: Call, work: () => Promise<T>): Promise<T> {
    await wait(this.#clock, this.#trip(), "way to WeChat");
    if (this.faulty) this.#draw(call);
    const answer = await work();
    await wait(this.#clock, this.#trip(), "way from WeChat");
    return answer;
  }

  #trip() {
    const slow = chance(this.#random, SLOW) && this.faulty;
    return millis(20 + below(this.#random, slow ? 5000 : 100));
  }

  #draw(call: Call): void {
    const { faults } = this.#script;
    this.#script.refundsSettle = chance(this.#random, 0.7);
    const draw = below(this.#random, 1000) / 1000;
    const fault =
      draw < DOWN
        ? ("down" as const)
        : draw < DOWN + LOST
          ? ("lost" as const)
          : draw < DOWN + LOST + REFUSED && call === "create"
            ? ("refuse" as const)
            : undefined;
    if (fault === undefined) return;
    faults[call].push(fault);
    this.#history.fault(`payment ${names[fault]}`, call);
  }
}

const names = { down: "5xx", lost: "answer lost", refuse: "refused" } as const;
