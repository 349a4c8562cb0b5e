import { type Clock, millis, wait } from "@bluepower/protocol/clock";
import { below, chance } from "@bluepower/protocol/random";
import type { Answer } from "../../cloud/api/envelope.ts";
import type { Own, WorldCloud } from "./worldCloud.ts";
import type { History } from "./worldHistory.ts";
import type { Person } from "./worldPayer.ts";

const SECOND = 1000;
/** A call that is not answered is repeated so often, with the same signature. */
const REPEATS = 6;
/** Charger, gateway and WeChat have deadlines; together they are well below this. */
const ANSWER_MS = 90 * SECOND;

/** Calls that are kept for a planted bug. */
const CALLS_KEPT = 50;

export type Ask = (method: string, own: Own, times?: number) => Promise<Answer | undefined>;

/** A phone on a bad network: requests and answers get lost, and what was not answered is asked again, as the same call. */
export class WorldPhone {
  readonly #of: { clock: Clock; cloud: WorldCloud; history: History };
  faulty = true;
  /** Orders that an answer told of, and whether one told that it is paid: what was answered is not forgotten. */
  readonly told = new Map<string, "made" | "paid">();
  /** The last calls that made orders, by order. */
  readonly orderCalls = new Map<string, string>();

  constructor(of: { clock: Clock; cloud: WorldCloud; history: History }) {
    this.#of = of;
  }

  /**
   * A call in the name of somebody; with `times` it is sent so often at once. However often it is sent, it makes one order.
   * Undefined when the person has given up.
   */
  async ask(person: Person, method: string, own: Own, times = 1): Promise<Answer | undefined> {
    const { random, who } = person;
    const { clock, cloud, history } = this.#of;
    const body = cloud.signed({ ...own, user: who, session: person.session });
    const answers: Answer[] = [];
    const send = async (): Promise<void> => {
      const answer = await this.#send(person, method, body);
      if (answer !== undefined) answers.push(answer);
    };
    await Promise.all(Array.from({ length: times }, send));
    for (let n = 0; n < REPEATS && answers.length === 0; n++) {
      await wait(clock, millis(SECOND + below(random, 20 * SECOND)), "phone repeats");
      history.fault("call repeated", method);
      await send();
    }
    // Somebody presses once more, although it was answered.
    if (answers.length > 0 && chance(random, 0.03)) {
      await wait(clock, millis(below(random, 60 * SECOND)), "phone repeats");
      history.fault("call repeated", method);
      await send();
    }
    history.add(`${who} ${method} ${JSON.stringify(own)} ${JSON.stringify(answers[0])}`);
    if (method === "newPowerOrder")
      this.#ordered(body, new Set(answers.flatMap((a) => textOf(a, "orderId") ?? [])));
    return answers[0];
  }

  #ordered(body: string, orders: ReadonlySet<string>): void {
    if (orders.size > 1) this.#of.history.violation(`one call made the orders ${[...orders].join(", ")}`);
    const [oldest] = this.orderCalls.keys();
    if (this.orderCalls.size >= CALLS_KEPT && oldest !== undefined) this.orderCalls.delete(oldest);
    for (const orderId of orders) {
      this.orderCalls.set(orderId, body);
      this.told.set(orderId, "made");
    }
  }

  async #send(person: Person, method: string, body: string): Promise<Answer | undefined> {
    const { clock, cloud, history } = this.#of;
    if (this.faulty && chance(person.random, 0.02)) {
      history.fault("call lost", method);
      return undefined;
    }
    const began = clock.uptime();
    const answer = await cloud.send(method, body);
    const took = clock.uptime() - began;
    if (took > ANSWER_MS) history.violation(`${method} was answered after ${Math.round(took / SECOND)} s`);
    if (answer === undefined) return undefined;
    if ("http" in answer) {
      history.violation(`${method} was answered with ${JSON.stringify(answer)}`);
      return undefined;
    }
    if (answer.reason === "INTERNAL" || answer.reason === "SESSION" || answer.reason === "SIGNATURE") {
      history.violation(`${method} of ${person.who} was refused: ${answer.reason}`);
    }
    if (this.faulty && chance(person.random, 0.02)) {
      history.fault("answer lost", method);
      return undefined;
    }
    return answer;
  }
}

/** A field of the first item of an answer. */
export function textOf(answer: Answer | undefined, name: string): string | undefined {
  const data: unknown = answer?.data;
  const first: unknown = Array.isArray(data) ? data[0] : undefined;
  if (typeof first !== "object" || first === null) return undefined;
  const value: unknown = Object.entries(first).find(([key]) => key === name)?.[1];
  return value === undefined ? undefined : String(value);
}
