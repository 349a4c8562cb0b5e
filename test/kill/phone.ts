import { type Answer, one, type Site } from "../e2e/site.ts";
import { until } from "../e2e/until.ts";

/** Longer than any program takes to come back, and the site to find together again. */
const PATIENCE_MS = 60_000;
/** What a person is told while the site finds together, and tries again after. */
const NOT_NOW = ["DEVICE_OFFLINE", "CHARGER_UNREACHABLE", "WECHAT_UNAVAILABLE"];

/**
 * A person's phone. A call whose connection breaks is made again as it was signed, as a client does that does not know whether
 * it was heard; and once more when the site cannot be reached just now.
 */
export class Phone {
  readonly user: string;
  readonly #site: Site;
  readonly #session: string;
  /** Every call that was answered, for the message of a failed test. */
  readonly told: string[] = [];

  private constructor(site: Site, who: { user: string; session: string }) {
    this.#site = site;
    this.user = who.user;
    this.#session = who.session;
  }

  static async of(site: Site, number: string): Promise<Phone> {
    return new Phone(site, await site.user(number));
  }

  /** The answer to a signed request, however often it has to be sent. */
  async call(method: string, own: Record<string, string | number>): Promise<Answer> {
    const exact = { timestamp: Math.floor(Date.now() / 1000) };
    return await until(
      `${method} is answered`,
      async () => {
        try {
          const who = { user: this.user, session: this.#session };
          const answer = await this.#site.call(method, { ...who, ...own }, exact);
          this.told.push(`${method}: ${JSON.stringify(answer)}`);
          return answer;
        } catch (error) {
          // The program said no, which is not what happens when it is killed.
          if (error instanceof Error && / answered \d/.test(error.message)) throw error;
          this.told.push(`${method}: no answer`);
          return undefined;
        }
      },
      (answer) => answer !== undefined && !NOT_NOW.includes(answer.reason ?? ""),
      PATIENCE_MS,
    ).then((answer) => answer as Answer);
  }

  /** Looks at the order until it is as wanted. */
  async sees(
    orderId: string,
    what: string,
    wanted: (order: Record<string, unknown>) => boolean,
    limitMs = PATIENCE_MS,
  ): Promise<Record<string, unknown>> {
    return await until(
      `order ${orderId} ${what}`,
      async () => one(await this.#site.call("getPowerOrder", this.#named({ orderId }))),
      wanted,
      limitMs,
    );
  }

  /** Orders a charge and answers its id, when it charges; `orderId` alone when it was cancelled meanwhile. */
  async order(of: { deviceCode: string; port: number; unit: number; money: string }): Promise<string> {
    const opened = one(await this.call("newPowerOrder", { unitPrice: "1.50", ...of }));
    return String(opened.orderId);
  }

  /** Ends the charge; whoever comes too late is told so, and it has ended all the same. */
  async stop(orderId: string): Promise<void> {
    await this.call("stopPowerOrder", { orderId });
    await this.sees(orderId, "has ended", (o) => o.state === "finished");
  }

  /** Pays the one bill that there is. `notify`: whether WeChat tells the cloud of it. */
  async pay(bill: {
    orderId: string;
    money: string;
    coins: number;
    cash: string;
    notify: "once" | "never";
  }): Promise<void> {
    const { orderId, money, coins, cash, notify } = bill;
    const bills = (await this.call("getOrderPay", {})).data as Record<string, unknown>[];
    if (bills.length !== 1 || bills[0]?.orderId !== orderId || bills[0]?.money !== Number(money)) {
      throw new Error(`the bill of ${orderId} is not ${money}: ${JSON.stringify(bills)}`);
    }
    const { package: content } = one(
      await this.call("payPowerOrder", { orderId, money, pmoney: coins, cash }),
    );
    await this.#site.post(`${this.#site.controlUrl}/pay`, {
      ...(JSON.parse(String(content)) as object),
      outcome: "success",
      notify,
    });
    if (notify === "once" && (await this.#isPaid(orderId))) return;
    await until(
      `${orderId} is paid`,
      () => this.call("queryOrderPay", { orderId }),
      (answer) => one(answer).result === 0,
      PATIENCE_MS,
    );
  }

  /** The notification needs some milliseconds; one that was lost is not waited for. */
  async #isPaid(orderId: string): Promise<boolean> {
    return await this.sees(orderId, "is paid", (o) => o.payState === "paid", 1500).then(
      () => true,
      () => false,
    );
  }

  #named(own: Record<string, string | number>) {
    return { user: this.user, session: this.#session, ...own };
  }
}
