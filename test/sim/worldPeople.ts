import { millis, wait } from "@bluepower/protocol/clock";
import { below, chance } from "@bluepower/protocol/random";
import { type Phone, phone } from "@bluepower/protocol/units";
import type { Answer } from "../../cloud/api/envelope.ts";
import { type Own, textOf, UNIT_PRICE } from "./worldCloud.ts";
import { type PeopleParts, type Person, payBill } from "./worldPayer.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
/** Somebody who has looked after a charge so often looks no more. */
const LOOKS = 60;

/** Scripted people: they order, stop, cancel and pay, repeat calls, race each other and themselves, and walk away. */
export class WorldPeople {
  readonly #of: PeopleParts;
  /** Orders whose users were told by an answer that they are cancelled. */
  readonly toldCancelled = new Set<string>();
  #home = false;
  #busy = 0;

  constructor(of: PeopleParts) {
    this.#of = of;
  }

  /** How many are still about something. */
  get busy(): number {
    return this.#busy;
  }

  async come(count: number): Promise<void> {
    const { cloud, random, history } = this.#of;
    for (let n = 1; n <= count; n++) {
      const who = phone(`138${String(n).padStart(8, "0")}`);
      const own = random.fork(`person ${n}`);
      const { session } = await cloud.person(who, 5 + below(own, 60));
      this.#busy += 1;
      this.#live({ who, session, random: own })
        .catch((error: unknown) => history.violation(`a script failed: ${String(error)}`))
        .finally(() => {
          this.#busy -= 1;
        });
    }
  }

  /** Everybody ends what they are about and begins nothing. */
  goHome(): void {
    this.#home = true;
  }

  async #live(person: Person): Promise<void> {
    while (!this.#home) {
      await this.#pause(person, 5 * SECOND, 2 * MINUTE);
      await payBill({ ...this.#of, ask: (method, own) => this.#ask(person, method, own) }, person);
      if (this.#home) return;
      const orderId = await this.#order(person);
      if (orderId !== undefined) await this.#lookAfter(person, orderId);
    }
  }

  #pause(person: Person, fromMs: number, toMs: number): Promise<void> {
    const delay = fromMs + below(person.random, Math.max(1, toMs - fromMs));
    return wait(this.#of.clock, millis(delay), `person ${person.who}`);
  }

  /** A call in the name of somebody; with `times` it is sent so often at once, and all answers must be the same. */
  async #ask(person: Person, method: string, own: Own, times = 1): Promise<Answer | undefined> {
    const { cloud, history } = this.#of;
    const body = cloud.signed({ ...own, user: person.who, session: person.session });
    const answers = await Promise.all(Array.from({ length: times }, () => cloud.send(method, body)));
    const [answer] = answers;
    history.add(`${person.who} ${method} ${JSON.stringify(own)} ${JSON.stringify(answer)}`);
    if (answer === undefined || "http" in answer) {
      history.violation(`${method} was answered with ${JSON.stringify(answer)}`);
      return undefined;
    }
    if (answer.reason === "INTERNAL" || answer.reason === "SESSION" || answer.reason === "SIGNATURE") {
      history.violation(`${method} of ${person.who} was refused: ${answer.reason}`);
    }
    const ids = new Set(answers.flatMap((a) => ("data" in a ? [textOf(a, "orderId")] : [])));
    if (method === "newPowerOrder" && ids.size > 1) {
      history.violation(`one call made the orders ${[...ids].join(", ")}`);
    }
    return answer;
  }

  /** Orders at some port; the order that charges or may still charge. */
  async #order(person: Person): Promise<string | undefined> {
    const { random, who } = person;
    const own = this.#wish(person);
    const times = chance(random, 0.1) ? 2 : 1;
    const calls = [this.#ask(person, "newPowerOrder", own, times)];
    // Impatient: another port at the same time, of which at most one may be had.
    if (chance(random, 0.05)) calls.push(this.#ask(person, "newPowerOrder", this.#wish(person)));
    if (chance(random, 0.1)) {
      await this.#pause(person, 1, 4 * SECOND);
      const orderId = await this.#starting(who);
      if (orderId !== undefined) await this.#cancel(person, orderId);
    }
    const answers = await Promise.all(calls);
    let live: string | undefined;
    for (const answer of answers) {
      const orderId = textOf(answer, "orderId");
      const state = textOf(answer, "state");
      if (state === "cancelled" && orderId !== undefined) this.toldCancelled.add(orderId);
      if (state === "charging" || state === "starting") live = orderId;
    }
    return live;
  }

  #wish(person: Person): Own {
    const { random } = person;
    const charger = this.#of.chargers[below(random, this.#of.chargers.length)];
    const unit = chance(random, 0.9) ? 1 : 2;
    return {
      deviceCode: charger?.code ?? "",
      port: 1 + below(random, 4),
      unitPrice: UNIT_PRICE / 100,
      unit,
      money: (unit * UNIT_PRICE) / 100,
    };
  }

  /** What a phone that has not been answered yet may know from its list. */
  async #starting(who: Phone): Promise<string | undefined> {
    const row = await this.#of.cloud.db
      .selectFrom("order_info")
      .select("orderId")
      .where("user", "=", who)
      .where("state", "=", "starting")
      .orderBy("id", "desc")
      .limit(1)
      .executeTakeFirst();
    return row?.orderId;
  }

  async #cancel(person: Person, orderId: string): Promise<void> {
    const answer = await this.#ask(
      person,
      "cancelPowerOrder",
      { orderId },
      chance(person.random, 0.2) ? 2 : 1,
    );
    if (answer?.code === 0 && answer.reason === undefined) this.toldCancelled.add(orderId);
  }

  /** Stops it early or waits for the end; walks away from one that never comes to an end. */
  async #lookAfter(person: Person, orderId: string): Promise<void> {
    const { random } = person;
    const patient = chance(random, 0.15);
    for (let look = 0; look < LOOKS && !this.#home; look++) {
      await this.#pause(person, 2 * SECOND, patient ? 8 * MINUTE : 2 * MINUTE);
      const state = textOf(await this.#ask(person, "getPowerOrder", { orderId }), "state");
      if (state === "finished" || state === "cancelled") return;
      if (this.toldCancelled.has(orderId)) return;
      if (state === "starting" && chance(random, 0.5)) await this.#cancel(person, orderId);
      if (state === "charging" && !patient) {
        await this.#ask(person, "stopPowerOrder", { orderId }, chance(random, 0.2) ? 2 : 1);
      }
      if (state === "charging" && chance(random, 0.1)) {
        await payBill({ ...this.#of, ask: (method, own) => this.#ask(person, method, own) }, person);
      }
    }
  }
}
