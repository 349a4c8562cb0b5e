import { type Answer, one, type Site } from "../e2e/site.ts";
import { until } from "../e2e/until.ts";
import { orderOf, wasStored } from "./cloudFile.ts";

/** Longer than any program takes to come back, and the site to find together again. */
const PATIENCE_MS = 60_000;
/** What a person is told while the site finds together, and tries again after. */
const NOT_NOW = ["DEVICE_OFFLINE", "CHARGER_UNREACHABLE", "WECHAT_UNAVAILABLE"];

/** Changes that go on without anybody asking again, once they are stored. */
const CARRIED_OUT = ["newPowerOrder", "stopPowerOrder", "cancelPowerOrder"];

type Heard =
  | { kind: "answer"; answer: Answer }
  | { kind: "failed"; error: Error }
  | { kind: "nothing" | "stored" };

/**
 * A person's phone. A call whose connection breaks is made again as it was signed, as a client does that does not know whether
 * it was heard; and once more when the site cannot be reached just now. A `patient` one does not ask again for what is stored
 * already: its user has closed the page, and looks at the order later.
 */
export class Phone {
  readonly user: string;
  readonly #site: Site;
  readonly #session: string;
  readonly #patient: boolean;
  /** Every call that was answered, for the message of a failed test. */
  readonly told: string[] = [];

  private constructor(site: Site, of: { user: string; session: string; patient: boolean }) {
    this.#site = site;
    this.user = of.user;
    this.#session = of.session;
    this.#patient = of.patient;
  }

  static async of(site: Site, { number, patient }: { number: string; patient: boolean }): Promise<Phone> {
    return new Phone(site, { ...(await site.user(number)), patient });
  }

  /** The answer to a signed request, however often it has to be sent; undefined when it is stored and not asked for again. */
  async ask(method: string, own: Record<string, string | number>): Promise<Answer | undefined> {
    const began = Date.now();
    const exact = { timestamp: Math.floor(began / 1000) };
    const heard = await until<Heard>(
      `${method} is answered`,
      async () => {
        try {
          const answer = await this.#site.call(method, this.#named(own), exact);
          this.told.push(`${method}: ${JSON.stringify(answer)}`);
          return NOT_NOW.includes(answer.reason ?? "") ? { kind: "nothing" } : { kind: "answer", answer };
        } catch (error) {
          this.told.push(`${method}: ${error instanceof Error ? error.message : error}`);
          // A program that says no has not been killed.
          if (error instanceof Error && / answered \d/.test(error.message)) return { kind: "failed", error };
          const isStored =
            this.#patient && CARRIED_OUT.includes(method) && wasStored(this.#site, { method, since: began });
          return { kind: isStored ? "stored" : "nothing" };
        }
      },
      ({ kind }) => kind !== "nothing",
      PATIENCE_MS,
    );
    if (heard.kind === "failed") throw heard.error;
    return heard.kind === "answer" ? heard.answer : undefined;
  }

  async call(method: string, own: Record<string, string | number>): Promise<Answer> {
    const answer = await this.ask(method, own);
    if (answer === undefined) throw new Error(`${method} has no answer`);
    return answer;
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

  /** Orders a charge. `charges`: the person was told that it does. */
  async order(of: {
    deviceCode: string;
    port: number;
    unit: number;
    money: string;
  }): Promise<{ orderId: string; charges: boolean }> {
    const opened = await this.ask("newPowerOrder", { unitPrice: "1.50", ...of });
    if (opened === undefined) return { orderId: orderOf(this.#site, this.user), charges: false };
    const { orderId, state } = one(opened);
    return { orderId: String(orderId), charges: state === "charging" };
  }

  /** Ends the charge; whoever comes too late is told so, and it has ended all the same. */
  async stop(orderId: string): Promise<void> {
    await this.ask("stopPowerOrder", { orderId });
    await this.sees(orderId, "has ended", (o) => o.state === "finished");
  }

  /** False when it runs already. */
  async cancel(orderId: string): Promise<boolean> {
    const answer = await this.ask("cancelPowerOrder", { orderId });
    if (answer !== undefined) return one(answer).result === 0;
    return (await this.sees(orderId, "is decided", (o) => o.state !== "starting")).state === "cancelled";
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
