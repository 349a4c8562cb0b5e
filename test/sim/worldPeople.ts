import { type Clock, millis, wait } from "@bluepower/protocol/clock";
import { below, chance, type Random } from "@bluepower/protocol/random";
import { type Phone, phone as phoneNumber } from "@bluepower/protocol/units";
import type { OrderState } from "../../cloud/database/schema.ts";
import type { Own, WorldCloud } from "./worldCloud.ts";
import { addPerson, UNIT_PRICE } from "./worldFurnish.ts";
import type { History } from "./worldHistory.ts";
import type { WorldPay } from "./worldPay.ts";
import { type Person, WorldPayer } from "./worldPayer.ts";
import { type Ask, textOf, WorldPhone } from "./worldPhone.ts";
import type { WorldCharger } from "./worldSite.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
/** Somebody who has looked after a charge so often looks no more. */
const LOOKS = 60;

interface Parts {
  clock: Clock;
  random: Random;
  cloud: WorldCloud;
  pay: WorldPay;
  history: History;
  chargers: readonly WorldCharger[];
}

/** Scripted people: they order, stop, cancel and pay, repeat calls, race each other and themselves, and walk away. */
export class WorldPeople {
  readonly #of: Parts;
  readonly phone: WorldPhone;
  readonly payer: WorldPayer;
  /** Orders whose users were told by an answer that they are cancelled. */
  readonly toldCancelled = new Set<string>();
  /** Coins that each of them came with. */
  readonly coins = new Map<Phone, number>();
  #home = false;
  #busy = 0;
  #calls = 0;

  constructor(of: Parts) {
    this.#of = of;
    this.phone = new WorldPhone(of);
    this.payer = new WorldPayer(of);
  }

  /** How many are still about something. */
  get busy(): number {
    return this.#busy;
  }

  async come(count: number): Promise<void> {
    const { cloud, clock, random, history } = this.#of;
    for (let n = 1; n <= count; n++) {
      const who = phoneNumber(`138${String(n).padStart(8, "0")}`);
      const own = random.fork(`person ${n}`);
      const coins = 20 + below(own, 300);
      this.coins.set(who, coins);
      const { session } = await addPerson(cloud.db, {
        ...{ who, clock, coins },
        random: own.fork("session"),
      });
      this.#busy += 1;
      this.#live({ who, session, random: own })
        .catch((error: unknown) => history.violation(`a script failed: ${String(error)}`))
        .finally(() => {
          this.#busy -= 1;
        });
    }
  }

  /** Everybody ends what they are about and begins nothing, and the network is good. */
  goHome(): void {
    this.#home = true;
    this.phone.faulty = false;
  }

  async #live(person: Person): Promise<void> {
    const ask: Ask = (method, own, times) => this.phone.ask(person, method, own, times);
    let owes = false;
    while (!this.#home) {
      await this.#pause(person, 3 * SECOND, 60 * SECOND);
      if (owes || chance(person.random, 0.1)) await this.payer.payBill(person, ask);
      if (this.#home) return;
      const { live, refused } = await this.#order(person, ask);
      owes = live !== undefined || refused === "ORDER_UNPAID";
      if (live !== undefined) await this.#lookAfter(person, ask, live);
      // Told that it is of no use now, one does something else for a while.
      else if (refused !== undefined) await this.#pause(person, 10 * SECOND, 90 * SECOND);
    }
  }

  #pause(person: Person, fromMs: number, toMs: number): Promise<void> {
    const delay = fromMs + below(person.random, Math.max(1, toMs - fromMs));
    return wait(this.#of.clock, millis(delay), `person ${person.who}`);
  }

  /** Orders at some port: the order that charges or may still charge, or why there is none. */
  async #order(person: Person, ask: Ask): Promise<{ live: string | undefined; refused: string | undefined }> {
    const { random, who } = person;
    const own = this.#wish(person);
    const times = chance(random, 0.1) ? 2 : 1;
    const calls = [ask("newPowerOrder", own, times)];
    // Impatient: another port at the same time, of which at most one may be had.
    if (chance(random, 0.05)) calls.push(ask("newPowerOrder", this.#wish(person)));
    if (chance(random, 0.15)) {
      await this.#pause(person, 1, chance(random, 0.5) ? 100 : 4 * SECOND);
      const orderId = await this.#stored(who, ["starting"]);
      if (orderId !== undefined) await this.#cancel(person, ask, orderId);
    }
    const answers = await Promise.all(calls);
    let live: string | undefined;
    for (const answer of answers) {
      const orderId = textOf(answer, "orderId");
      const state = textOf(answer, "state");
      if (state === "cancelled" && orderId !== undefined) this.toldCancelled.add(orderId);
      if (state === "charging" || state === "starting") live = orderId;
    }
    // The charge of a call without an answer is found in the list, by most.
    if (live === undefined && chance(random, 0.9)) live = await this.#stored(who, ["starting", "charging"]);
    return { live, refused: answers[0]?.reason };
  }

  /** A port, mostly one whose LED is off. The plate is of this call alone, so the order tells which call made it. */
  #wish(person: Person): Own {
    const { random } = person;
    const { chargers } = this.#of;
    const [charger, port] = [chargers[below(random, chargers.length)], 1 + below(random, 4)];
    const free = chargers.flatMap(({ code, charger: seen }) =>
      seen
        .view()
        .ports.filter((p) => p.led === "off")
        .map((p) => ({ code, port: p.port })),
    );
    const seen = chance(random, 0.85) ? free[below(random, Math.max(1, free.length))] : undefined;
    const unit = chance(random, 0.9) ? 1 : 2;
    this.#calls += 1;
    return {
      ...{ deviceCode: seen?.code ?? charger?.code ?? "", port: seen?.port ?? port },
      ...{ unitPrice: UNIT_PRICE / 100, unit, money: (unit * UNIT_PRICE) / 100 },
      plateNo: `粤B${this.#calls.toString(36).toUpperCase().padStart(5, "0")}`,
    };
  }

  /** What a phone that has not been answered yet may know from its list. */
  async #stored(who: Phone, states: readonly OrderState[]): Promise<string | undefined> {
    const row = await this.#of.cloud.db
      .selectFrom("order_info")
      .select("orderId")
      .where("user", "=", who)
      .where("state", "in", states)
      .orderBy("id", "desc")
      .limit(1)
      .executeTakeFirst();
    return row?.orderId;
  }

  async #cancel(person: Person, ask: Ask, orderId: string): Promise<void> {
    const answer = await ask("cancelPowerOrder", { orderId }, chance(person.random, 0.2) ? 2 : 1);
    if (answer?.code === 0 && answer.reason === undefined) this.toldCancelled.add(orderId);
  }

  /** Stops it early or waits for the end; walks away from one that never comes to an end. */
  async #lookAfter(person: Person, ask: Ask, orderId: string): Promise<void> {
    const { random } = person;
    const patient = chance(random, 0.03);
    for (let look = 0; look < LOOKS && !this.#home; look++) {
      await this.#pause(person, 2 * SECOND, patient ? 8 * MINUTE : MINUTE);
      const state = textOf(await ask("getPowerOrder", { orderId }), "state");
      if (state === "finished" || state === "cancelled") return;
      if (this.toldCancelled.has(orderId)) return;
      if (state === "starting" && chance(random, 0.5)) await this.#cancel(person, ask, orderId);
      if (state === "charging" && !patient) {
        await ask("stopPowerOrder", { orderId }, chance(random, 0.2) ? 2 : 1);
      }
      if (state === "charging" && chance(random, 0.1)) await this.payer.payBill(person, ask);
    }
  }
}
