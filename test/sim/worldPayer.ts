import { type Clock, millis, wait } from "@bluepower/protocol/clock";
import { below, chance, type Random } from "@bluepower/protocol/random";
import type { Phone } from "@bluepower/protocol/units";
import { testConfig } from "../../cloud/api/scenario.ts";
import type { WorldCloud } from "./worldCloud.ts";
import type { History } from "./worldHistory.ts";
import type { WorldPay } from "./worldPay.ts";
import { type Ask, textOf } from "./worldPhone.ts";

/** Somebody with a phone, and draws of their own. */
export interface Person {
  who: Phone;
  session: string;
  random: Random;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
/** WeChat tells a payment again after these, until it is answered (its own list is longer). */
const TOLD_AGAIN = [15, 15, 30, 180, 600, 1200, 1800].map((s) => s * SECOND);

interface Parts {
  clock: Clock;
  cloud: WorldCloud;
  pay: WorldPay;
  history: History;
}

/** How people pay, and what WeChat tells the cloud of it. */
export class WorldPayer {
  readonly #of: Parts;
  /** How many different calls were made to pay each order. */
  readonly calls = new Map<string, number>();
  /** Who paid which number at WeChat. */
  readonly paidBy = new Map<string, Phone>();

  constructor(of: Parts) {
    this.#of = of;
  }

  /** Pays the oldest bill of somebody, or tries to: with coins, cash or both, changes their mind, or forgets about it. */
  async payBill(person: Person, ask: Ask): Promise<void> {
    const { random } = person;
    const { pay, history, clock } = this.#of;
    const bills = await ask("getOrderPay", {});
    const orderId = textOf(bills, "orderId");
    if (orderId === undefined) return;
    const money = Math.round(Number(textOf(bills, "money")) * 100);
    let former: string | undefined;
    const tries = chance(random, 0.1) ? 2 : 1;
    for (let n = 0; n < tries; n++) {
      const outTradeNo = await this.#prepare(person, ask, { orderId, money });
      if (outTradeNo === undefined) continue;
      if (former !== undefined && former !== outTradeNo && pay.pay(former)) {
        history.violation(`payment ${former} can be made although ${outTradeNo} replaced it`);
      }
      former = outTradeNo;
    }
    // Closed the window; it ends by its time.
    if (former === undefined || chance(random, 0.1)) return;
    await wait(clock, millis(500 + below(random, chance(random, 0.05) ? 20 * MINUTE : 5 * SECOND)), "pays");
    if (!pay.pay(former)) return;
    this.paidBy.set(former, person.who);
    history.add(`${person.who} paid ${former}`);
    this.#tell(person, former);
    if (chance(random, 0.5)) await ask("queryOrderPay", { orderId });
  }

  /** Number of the payment at WeChat; undefined when there is none to be made. */
  async #prepare(
    person: Person,
    ask: Ask,
    bill: { orderId: string; money: number },
  ): Promise<string | undefined> {
    const { random } = person;
    const { orderId, money } = bill;
    const most = Math.floor(money / testConfig.coinFen);
    const pmoney = chance(random, 0.5) ? below(random, most + 1) : 0;
    const cash = money - pmoney * testConfig.coinFen;
    const channel = chance(random, 0.8) ? "jsapi" : "h5";
    const own = { orderId, money: money / 100, pmoney, cash: cash / 100, channel };
    this.calls.set(orderId, (this.calls.get(orderId) ?? 0) + 1);
    const wxPackage = textOf(await ask("payPowerOrder", own), "package") ?? "";
    return /(?:prepay_id=|h5:)([0-9]+-[0-9A-Za-z]+)/.exec(wxPackage)?.[1];
  }

  /** WeChat tells of a payment; some of it is lost for good, comes twice or late. */
  #tell(person: Person, outTradeNo: string): void {
    const { random } = person;
    const { pay, history, clock } = this.#of;
    const body = pay.told(outTradeNo);
    const draw = below(random, 100);
    const times = !pay.faulty ? 1 : draw < 15 ? 0 : draw < 35 ? 2 : 1;
    if (times === 0) history.fault("notification lost", outTradeNo);
    if (times === 2) history.fault("notification doubled", outTradeNo);
    for (let n = 0; n < times; n++) {
      const late = 50 + below(random, chance(random, 0.2) ? 3 * MINUTE : 2000);
      clock.after(millis(late), "notification", () => this.#told({ outTradeNo, body, tries: 0 }));
    }
  }

  async #told(of: { outTradeNo: string; body: string; tries: number }): Promise<void> {
    const { cloud, history, clock } = this.#of;
    const { outTradeNo, body, tries } = of;
    const status = await cloud.notify(body);
    history.add(`told ${outTradeNo}: ${status}`);
    if (status === undefined) {
      history.fault("notification unanswered", outTradeNo);
      const pause = TOLD_AGAIN[tries];
      if (pause === undefined) return;
      clock.after(millis(pause), "notification", () => this.#told({ ...of, tries: tries + 1 }));
    } else if (status !== 204) {
      history.violation(`the notification of ${outTradeNo} was answered ${status}`);
    }
  }
}
