import { type Clock, millis, wait } from "@bluepower/protocol/clock";
import { below, chance, type Random } from "@bluepower/protocol/random";
import type { Phone } from "@bluepower/protocol/units";
import type { Answer } from "../../cloud/api/envelope.ts";
import { testConfig } from "../../cloud/api/scenario.ts";
import { type Own, textOf, type WorldCloud } from "./worldCloud.ts";
import type { History } from "./worldHistory.ts";
import type { WorldPay } from "./worldPay.ts";
import type { WorldCharger } from "./worldSite.ts";

export interface PeopleParts {
  clock: Clock;
  random: Random;
  cloud: WorldCloud;
  pay: WorldPay;
  history: History;
  chargers: readonly WorldCharger[];
}

/** Somebody with a phone, and draws of their own. */
export interface Person {
  who: Phone;
  session: string;
  random: Random;
}

type Payer = PeopleParts & { ask: (method: string, own: Own) => Promise<Answer | undefined> };

const MINUTE = 60_000;

/** Pays the oldest bill of somebody, or tries to: with coins, cash or both, changes their mind, or forgets about it. */
export async function payBill(of: Payer, person: Person): Promise<void> {
  const { random } = person;
  const bills = await of.ask("getOrderPay", {});
  const orderId = textOf(bills, "orderId");
  if (orderId === undefined) return;
  const money = Math.round(Number(textOf(bills, "money")) * 100);
  let former: string | undefined;
  const tries = chance(random, 0.1) ? 2 : 1;
  for (let n = 0; n < tries; n++) {
    const outTradeNo = await prepare(of, person, { orderId, money });
    if (outTradeNo === undefined) continue;
    if (former !== undefined && former !== outTradeNo && of.pay.pay(former)) {
      of.history.violation(`payment ${former} can be made although ${outTradeNo} replaced it`);
    }
    former = outTradeNo;
  }
  // Closed the window; it ends by its time.
  if (former === undefined || chance(random, 0.1)) return;
  await wait(of.clock, millis(500 + below(random, chance(random, 0.1) ? 20 * MINUTE : 5000)), "pays");
  if (!of.pay.pay(former)) return;
  of.history.add(`${person.who} paid ${former}`);
  tell(of, person, former);
  if (chance(random, 0.5)) await of.ask("queryOrderPay", { orderId });
}

/** Number of the payment at WeChat; undefined when there is none to be made. */
async function prepare(
  of: Payer,
  person: Person,
  bill: { orderId: string; money: number },
): Promise<string | undefined> {
  const { random } = person;
  const { orderId, money } = bill;
  const most = Math.floor(money / testConfig.coinFen);
  const pmoney = chance(random, 0.5) ? below(random, most + 1) : 0;
  const cash = money - pmoney * testConfig.coinFen;
  const channel = chance(random, 0.8) ? "jsapi" : "h5";
  const own = { orderId, money: money / 100, pmoney, cash: cash / 100, channel };
  const wxPackage = textOf(await of.ask("payPowerOrder", own), "package") ?? "";
  return /(?:prepay_id=|h5:)([0-9]+-[0-9A-Za-z]+)/.exec(wxPackage)?.[1];
}

/** WeChat tells of a payment once; some of it is lost, comes twice or late. */
function tell(of: Payer, person: Person, outTradeNo: string): void {
  const { random } = person;
  const body = of.pay.told(outTradeNo);
  const draw = below(random, 100);
  const times = !of.pay.faulty ? 1 : draw < 15 ? 0 : draw < 35 ? 2 : 1;
  if (times === 0) of.history.fault("notification lost", outTradeNo);
  if (times === 2) of.history.fault("notification doubled", outTradeNo);
  for (let n = 0; n < times; n++) {
    const late = 50 + below(random, chance(random, 0.2) ? 3 * MINUTE : 2000);
    of.clock.after(millis(late), "notification", async () => {
      const status = await of.cloud.notify(body);
      of.history.add(`told ${outTradeNo}: ${status}`);
      if (status !== 204) of.history.violation(`the notification of ${outTradeNo} was answered ${status}`);
    });
  }
}
