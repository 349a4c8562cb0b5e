import { below, chance, type Random } from "@bluepower/protocol/random";
import Sqlite from "better-sqlite3";
import { firstOf, rowsOf } from "./caller.ts";
import type { KnownOrder, KnownPurchase } from "./journal.ts";
import { control, Login, oneOf, pause, type World } from "./world.ts";

const COIN = 100;
/** Somebody whose bill is still not paid after so many tries tells it. */
const PAY_TRIES = 200;
const LOOKS = 300;
const ASKS = 100;
/** What becomes of the notification of a payment, as often as it stands here. */
const NOTIFY = [
  ...["once", "once", "once", "once", "once", "twice", "twice", "never", "never", "late", "late"],
  ...["tampered", "wrong-serial", "old-timestamp", "signtest"],
];
const ORDER_REFUSALS = [
  ...(["BLACKLISTED", "ORDER_UNPAID", "PRICE_CHANGED", "AMOUNT_MISMATCH", "PORT_BUSY"] as const),
  ...(["DEVICE_OFFLINE", "CHARGER_UNREACHABLE"] as const),
];

let plates = 0;

/** Somebody with a phone: charges, pays with coins and cash, buys coins and gives some away, and looks at lists. */
export class User {
  readonly login: Login;
  readonly #world: World;
  readonly #random: Random;
  /** Orders that were told cancelled before the call that made them was answered. */
  readonly #cancelled = new Set<string>();

  constructor(world: World, of: { phone: string; random: Random }) {
    this.#world = world;
    this.#random = of.random;
    this.login = new Login(world, { side: "user", ...of });
  }

  get #phone(): string {
    return this.login.phone;
  }

  async live(): Promise<void> {
    await this.login.login();
    await this.login.ask("reportUserName", { userName: `用户${this.#phone.slice(-2)}` });
    await this.#buyCoins();
    while (!this.#world.home) {
      await pause(this.#world, this.#random, 20, 400);
      const draw = below(this.#random, 100);
      if (draw < 72) await this.#charge();
      else if (draw < 82) await this.#buyCoins();
      else if (draw < 90) await this.#gift();
      else if (draw < 96) await this.#look();
      // A session makes sixty changes of money a minute.
      else await this.login.login();
    }
  }

  /** Brings to an end what is open. */
  async goHome(): Promise<void> {
    await this.login.login();
    await this.#payBills();
    for (const purchase of this.#world.journal.purchases.values()) {
      if (purchase.user === this.#phone && purchase.paid) await this.#seeCoins(purchase, ASKS);
    }
    await this.login.caller.quiet();
  }

  async #charge(): Promise<void> {
    const { journal, devices } = this.#world;
    await this.#payBills();
    const deviceCode = oneOf(this.#random, devices) ?? "";
    const device = await this.login.ask("getDeviceInfo", { deviceCode });
    if (device === undefined) return;
    const unitPrice = toFen(firstOf(device)?.unitPrice);
    const unit = 1 + below(this.#random, 2);
    const port = 1 + below(this.#random, 4);
    plates += 1;
    const plateNo = `粤B${plates.toString(36).toUpperCase().padStart(5, "0")}`;
    const own = {
      deviceCode,
      port,
      unit,
      unitPrice: yuan(unitPrice),
      money: yuan(unitPrice * unit),
      plateNo,
    };
    const ordering = this.login.ask("newPowerOrder", own, ORDER_REFUSALS);
    if (chance(this.#random, 0.15)) await this.#regret();
    const answer = await ordering;
    const orderId = answer === undefined ? null : String(firstOf(answer)?.orderId);
    journal.plates.set(plateNo, orderId);
    // One that was refused after it was made, by a charger that said no, is cancelled.
    if (answer === undefined || orderId === null) return;
    journal.count("order");
    const known: KnownOrder = {
      ...{ orderId, user: this.#phone, deviceCode, port, unit, unitPrice, told: "made", toldPaid: false },
      ...{ paid: undefined, back: { coins: 0, cash: 0 } },
    };
    journal.orders.set(orderId, known);
    journal.seen(orderId, { state: String(firstOf(answer)?.state) });
    await this.#lookAfter(known);
  }

  /** Changes their mind while the order is being made: its number is not on the phone yet, so it is looked up. */
  async #regret(): Promise<void> {
    await pause(this.#world, this.#random, 5, 200);
    const orderId = startingOrderOf(this.#world, this.#phone);
    if (orderId === undefined) return;
    const may = ["ORDER_RUNNING", "ORDER_ENDED"] as const;
    if ((await this.login.ask("cancelPowerOrder", { orderId }, may)) === undefined) return;
    this.#world.journal.count("cancel");
    this.#cancelled.add(orderId);
  }

  /** Stops it, or waits for its end. */
  async #lookAfter(order: KnownOrder): Promise<void> {
    const { journal } = this.#world;
    const { orderId } = order;
    if (this.#cancelled.has(orderId)) journal.seen(orderId, { state: "cancelled" });
    const isImpatient = chance(this.#random, 0.6);
    const paysEarly = chance(this.#random, 0.2);
    for (let look = 0; look < LOOKS; look++) {
      await pause(this.#world, this.#random, 50, 500);
      const state = await this.#see(orderId);
      if (state === "finished" || state === "cancelled") return;
      if (state === "starting" && chance(this.#random, 0.3)) {
        const may = ["ORDER_RUNNING", "ORDER_ENDED"] as const;
        if ((await this.login.ask("cancelPowerOrder", { orderId }, may)) !== undefined) {
          journal.count("cancel");
          journal.seen(orderId, { state: "cancelled" });
        }
      }
      if (state !== "charging") continue;
      if (paysEarly) await this.#payBills();
      if (!isImpatient && !this.#world.home) continue;
      const may = ["ORDER_ENDED", "STOP_PENDING"] as const;
      if ((await this.login.ask("stopPowerOrder", { orderId }, may)) !== undefined) {
        journal.count("stop");
        journal.seen(orderId, { state: "finished" });
      }
    }
    journal.finding(`order ${orderId} never ended`);
  }

  async #see(orderId: string): Promise<string | undefined> {
    const answer = await this.login.ask("getPowerOrder", { orderId });
    const order = answer === undefined ? undefined : firstOf(answer);
    if (order === undefined) return undefined;
    const [state, payState] = [String(order.state), String(order.payState)];
    this.#world.journal.seen(orderId, { state, payState });
    return state;
  }

  /** Pays until nothing is owed. */
  async #payBills(): Promise<void> {
    for (let n = 0; n < PAY_TRIES; n++) {
      const bills = await this.login.ask("getOrderPay", {});
      if (bills === undefined) continue;
      const bill = firstOf(bills);
      if (bill === undefined) return;
      const orderId = String(bill.orderId);
      await this.#pay(orderId, toFen(bill.money));
    }
    this.#world.journal.finding(`${this.#phone} cannot pay a bill`);
  }

  async #pay(orderId: string, money: number): Promise<void> {
    const { journal } = this.#world;
    const most = Math.min(Math.floor(money / COIN), await this.#coins());
    const coins = chance(this.#random, 0.3) ? most : below(this.#random, most + 1);
    const cash = money - coins * COIN;
    const first = await this.#prepare({ orderId, money, coins, cash });
    // Paid with coins alone, or not now.
    if (first === undefined) return;
    // Begins once more: the former payment must be dead then.
    if (chance(this.#random, 0.08)) {
      const second = await this.#prepare({ orderId, money, coins: 0, cash: money });
      if (second === undefined) return;
      const prepared = [prepayOf(first), prepayOf(second)];
      if (prepared[0] !== prepared[1] && (await this.#give(first)) !== undefined) {
        journal.finding(`a payment of ${orderId} can be made although another one replaced it`);
      }
      await this.#give(second, { orderId, coins: 0, cash: money });
    } else if (chance(this.#random, 0.06)) {
      // Closes the window.
      return;
    } else await this.#give(first, { orderId, coins, cash });
    await this.#seePaid(orderId);
  }

  /** Coins alone pay at once; for cash, what the phone needs. */
  async #prepare(of: {
    orderId: string;
    money: number;
    coins: number;
    cash: number;
  }): Promise<object | undefined> {
    const { journal } = this.#world;
    const { orderId, coins } = of;
    const own = { orderId, money: yuan(of.money), pmoney: coins, cash: yuan(of.cash) };
    const may = ["ORDER_PAID", "COINS_SHORT", "WECHAT_UNAVAILABLE", "AMOUNT_MISMATCH"] as const;
    const answer = await this.login.ask("payPowerOrder", own, may);
    if (answer === undefined) return undefined;
    const content = String(firstOf(answer)?.package);
    if (content !== "") return JSON.parse(content) as object;
    journal.count("payment in coins");
    this.#paid(orderId, { coins, cash: 0 });
    const order = journal.orders.get(orderId);
    if (order !== undefined) order.toldPaid = true;
    return undefined;
  }

  #paid(orderId: string, paid: { coins: number; cash: number }): void {
    const { journal } = this.#world;
    const order = journal.orders.get(orderId);
    if (order === undefined) journal.finding(`order ${orderId} was paid, and no call has made it`);
    else if (order.paid !== undefined) journal.finding(`order ${orderId} was paid twice`);
    else order.paid = paid;
  }

  /** Pays at WeChat; undefined when WeChat does not take it. */
  async #give(
    content: object,
    of?: { orderId: string; coins: number; cash: number },
  ): Promise<Record<string, unknown> | undefined> {
    const outcome = of !== undefined && chance(this.#random, 0.05) ? "fail" : "success";
    const notify = oneOf(this.#random, NOTIFY);
    const said = await control(this.#world, "/pay", { ...content, outcome, notify });
    if (said?.trade_state !== "SUCCESS") return undefined;
    this.#world.journal.count(`notification ${notify}`);
    if (of === undefined) return said;
    this.#world.journal.count(of.coins > 0 ? "payment in both" : "payment in cash");
    this.#paid(of.orderId, { coins: of.coins, cash: of.cash });
    return said;
  }

  /** Asks once or twice; who is not told asks again with the next bill. */
  async #seePaid(orderId: string): Promise<void> {
    for (let n = 0; n < 3; n++) {
      await pause(this.#world, this.#random, 20, 700);
      const paid = await this.login.ask("queryOrderPay", { orderId }, ["PENDING", "FAILED"]);
      if (paid === undefined) continue;
      this.#world.journal.seen(orderId, {
        state: this.#world.journal.orders.get(orderId)?.told ?? "",
        payState: "paid",
      });
      return;
    }
  }

  async #coins(): Promise<number> {
    const info = await this.login.ask("getUserInfo", {});
    return info === undefined ? 0 : Number(firstOf(info)?.pmoney);
  }

  async #buyCoins(): Promise<void> {
    const { journal } = this.#world;
    const coins = 1 + below(this.#random, 20);
    const answer = await this.login.ask("newPmoneyCharge", { pmoney: coins }, ["WECHAT_UNAVAILABLE"]);
    const made = answer === undefined ? undefined : firstOf(answer);
    if (made === undefined) return;
    const purchase = {
      payId: String(made.payId),
      user: this.#phone,
      coins,
      paid: false,
      toldPaid: false,
      back: 0,
    };
    journal.purchases.set(purchase.payId, purchase);
    if (chance(this.#random, 0.1)) return;
    const said = await this.#give(JSON.parse(String(made.package)) as object);
    if (said === undefined) {
      journal.finding(`purchase ${purchase.payId} cannot be paid`);
      return;
    }
    purchase.paid = true;
    journal.count("purchase of coins");
    await this.#seeCoins(purchase, 5);
  }

  async #seeCoins(purchase: KnownPurchase, asks: number): Promise<void> {
    const { payId } = purchase;
    for (let n = 0; n < asks && !purchase.toldPaid; n++) {
      await pause(this.#world, this.#random, 20, 900);
      purchase.toldPaid =
        (await this.login.ask("queryPmoneyPay", { payId }, ["PENDING", "FAILED"])) !== undefined;
    }
  }

  async #gift(): Promise<void> {
    const { journal, users } = this.#world;
    const to =
      oneOf(
        this.#random,
        users.filter((u) => u !== this.#phone),
      ) ?? "";
    const coins = 1 + below(this.#random, 5);
    const own = { userFrom: this.#phone, userTo: to, pmoney: coins };
    // Somebody may not have logged in yet.
    const given = await this.login.ask("newPmoneyGift", own, ["COINS_SHORT", "USER_UNKNOWN"]);
    if (given === undefined) return;
    journal.count("gift");
    journal.gifts.push({ from: this.#phone, to, coins });
  }

  /** What was acknowledged is in the lists. */
  async #look(): Promise<void> {
    const { journal } = this.#world;
    const mine = [...journal.orders.values()].filter((o) => o.user === this.#phone);
    const listed = mine.filter((o) => ["charging", "finished"].includes(o.told)).slice(-20);
    const page = await this.login.ask("getUserOrder", { startIndex: 0, pageSize: 100 });
    if (page === undefined) return;
    const rows = new Map(rowsOf(page).map((row) => [String(row.orderId), row]));
    for (const { orderId, told, toldPaid } of listed) {
      const row = rows.get(orderId);
      if (row === undefined)
        journal.finding(`order ${orderId} was told ${told} and is not in its user's list`);
      else if (toldPaid && row.payState !== "paid")
        journal.finding(`order ${orderId} was paid and is listed as ${row.payState}`);
    }
    const gifts = await this.login.ask("getPmoneyGift", { startIndex: 0, pageSize: 1 });
    const given = journal.gifts.filter((g) => g.from === this.#phone).length;
    if (gifts !== undefined && Number(firstOf(gifts)?.totalCount) < given) {
      journal.finding(`${this.#phone} gave ${given} times, listed are ${firstOf(gifts)?.totalCount}`);
    }
    journal.count("look at lists");
  }
}

export const yuan = (fen: number): string => (fen / 100).toFixed(2);
export const toFen = (wire: unknown): number => Math.round(Number(wire) * 100);

const prepayOf = (content: object): string => String((content as { package?: unknown }).package);

function startingOrderOf(world: World, user: string): string | undefined {
  const db = new Sqlite(world.site.databaseFile(), { readonly: true });
  try {
    const starting = db.prepare<[string], string>(
      "select orderId from order_info where user = ? and state = 'starting' order by id desc limit 1",
    );
    return starting.pluck().get(user);
  } finally {
    db.close();
  }
}
