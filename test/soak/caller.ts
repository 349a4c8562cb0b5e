import { type Clock, millis, seconds, wait } from "@bluepower/protocol/clock";
import { httpSignature } from "@bluepower/protocol/http/signature";
import { below, chance, type Random } from "@bluepower/protocol/random";
import type { Reason } from "../../cloud/api/reasons.ts";
import type { Answer } from "../e2e/site.ts";
import type { Journal } from "./journal.ts";

export type Side = "user" | "manager";
export type Own = Record<string, string | number>;
export interface App {
  appId: string;
  appKey: string;
  jamCode: string;
}

/** Longer than anything in the cloud takes, with a restart in between. */
const ANSWERED_WITHIN_MS = 90_000;
/** No call waits longer than ten seconds for a charger, and some of five for WeChat. */
const ANSWER_MS = 30_000;
const TWICE = 0.08;
const LATER_AGAIN = 0.06;

/** Calls whose answer is stored whole: whenever they are repeated, it is the same. */
const STORED_WHOLE = [
  ...["newPmoneyGift", "CashOut", "setDeviceValue", "reportDeviceName", "transferDevice"],
  ...["addBlackUser", "deleteBlackUser"],
];
/** The word of an answer that names what the call has made. */
const MADE: Readonly<Record<string, string>> = { newPowerOrder: "orderId", newPmoneyCharge: "payId" };

interface Parts {
  side: Side;
  app: App;
  origin: string;
  /** Of the phone, as a proxy says it: each has rates of its own. */
  address: string;
  clock: Clock;
  random: Random;
  journal: Journal;
}

/**
 * Somebody's phone. A call whose connection breaks is made again as it was signed, until it is answered; some are sent twice at
 * once, some again when they have long been answered: the calls of one signature make one thing, and get one answer.
 */
export class Caller {
  readonly #of: Parts;
  readonly #lastCalls = new Map<string, number>();
  readonly #later = new Set<Promise<void>>();
  /** Sends calls twice and repeats answered ones. */
  impatient = true;

  constructor(of: Parts) {
    this.#of = of;
  }

  /** Resolves when no repeat is on its way. */
  async quiet(): Promise<void> {
    await Promise.all(this.#later);
  }

  /**
   * The answer to one signed call, however often it had to be sent. Undefined: refused for one of the reasons that may be; any
   * other refusal is a finding, and so is a call that nobody answers.
   */
  async ask(method: string, own: Own, mayRefuse: readonly Reason[] = []): Promise<Answer | undefined> {
    const { random, journal, clock } = this.#of;
    const body = this.#signed(method, own);
    const isChange = !/^(get|query)/.test(method);
    const answers: Answer[] = [];
    const send = async (): Promise<void> => {
      const answer = await this.#send(method, body);
      if (answer !== undefined) answers.push(answer);
    };
    const isDouble = isChange && this.impatient && chance(random, TWICE);
    await Promise.all(isDouble ? [send(), send()] : [send()]);
    // One was refused, of the other nothing is known: only the next answer says what has become of the call.
    if (isDouble && answers.length < 2 && !answers.some(isDone)) answers.length = 0;
    const end = clock.uptime() + ANSWERED_WITHIN_MS;
    while (answers.length === 0) {
      if (clock.uptime() > end) {
        journal.finding(`${method} ${JSON.stringify(own)} was not answered`);
        return undefined;
      }
      await wait(clock, millis(50 + below(random, 200)), "call again");
      journal.count("call repeated");
      await send();
    }
    journal.count("call");
    // A refusal is not kept: what is refused first may be carried out by the double, and what came then is the answer.
    const done = answers.filter(isDone);
    const [answer] = done;
    if (answer !== undefined) {
      if (isChange) this.#compare(method, own, done);
      if (isChange && this.impatient && chance(random, LATER_AGAIN)) {
        this.#repeatLater({ method, own, body, answer });
      }
      return answer;
    }
    const [refusal] = answers;
    const reason = refusal?.reason ?? "";
    if (mayRefuse.includes(reason as Reason)) journal.count(`refused ${reason}`);
    else journal.finding(`${method} ${JSON.stringify(own)} was answered ${JSON.stringify(refusal)}`);
    return undefined;
  }

  #signed(method: string, own: Own): string {
    const { app, clock } = this.#of;
    const what = JSON.stringify([method, own]);
    // Two equal calls of one second are one call.
    const timestamp = Math.max(Math.floor(clock.now() / 1000), (this.#lastCalls.get(what) ?? 0) + 1);
    this.#lastCalls.set(what, timestamp);
    const body = { appId: app.appId, appKey: app.appKey, timestamp, ...own };
    const parameters = new Map(Object.entries(body).map(([name, value]) => [name, String(value)]));
    return JSON.stringify({ ...body, signature: httpSignature(parameters, app.jamCode) });
  }

  /** Undefined when no answer came. */
  async #send(method: string, body: string): Promise<Answer | undefined> {
    const { side, origin, address, journal } = this.#of;
    let status: number;
    let said: string;
    let retryAfter: string | null;
    try {
      const response = await fetch(`${origin}/oapi/bluepower_${side}/1_0/${method}`, {
        method: "POST",
        headers: { "content-type": "application/json", "x-forwarded-for": address },
        body,
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      status = response.status;
      retryAfter = response.headers.get("retry-after");
      said = await response.text();
    } catch (error) {
      if (error instanceof Error && error.name === "TimeoutError") journal.count("call timed out");
      return undefined;
    }
    if (status === 200) return JSON.parse(said) as Answer;
    if (status === 429) {
      journal.count("told to wait");
      await wait(this.#of.clock, seconds(Number(retryAfter ?? 1)), "told to wait");
      return undefined;
    }
    journal.finding(`${method} was answered with HTTP ${status}: ${said.slice(0, 200)}`);
    return undefined;
  }

  /** The answers to calls of one signature, the first of which was carried out before the others were asked, or beside them. */
  #compare(method: string, own: Own, [first, ...others]: readonly Answer[]): void {
    const isWhole = STORED_WHOLE.includes(method);
    const of = (answer: Answer | undefined): string => {
      if (answer === undefined || isWhole) return JSON.stringify([answer?.code, answer?.data]);
      return String(firstOf(answer)?.[MADE[method] ?? ""]);
    };
    const other = others.find((answer) => (isWhole || isDone(answer)) && of(answer) !== of(first));
    if (other === undefined) return;
    this.#of.journal.finding(
      `${method} ${JSON.stringify(own)} was answered ${JSON.stringify(first)}, and its repeat ${JSON.stringify(other)}`,
    );
  }

  #repeatLater(call: { method: string; own: Own; body: string; answer: Answer }): void {
    const { clock, random, journal } = this.#of;
    const { method, own, body, answer } = call;
    const pause = millis(below(random, 3000));
    const later = wait(clock, pause, "the same again")
      .then(() => this.#send(method, body))
      .then((again) => {
        journal.count("answered call repeated");
        if (again !== undefined) this.#compare(method, own, [answer, again]);
      })
      .finally(() => this.#later.delete(later));
    this.#later.add(later);
  }
}

/** Neither refused nor a ResultInfo that says no. */
const isDone = (answer: Answer): boolean => answer.code === 0 && firstOf(answer)?.result !== 1;

export const firstOf = (answer: Answer): Record<string, unknown> | undefined =>
  Array.isArray(answer.data) ? answer.data[0] : answer.data;

/** The rows of a page. */
export const rowsOf = (answer: Answer, list = "abstractList"): Record<string, unknown>[] => {
  const rows = firstOf(answer)?.[list];
  return Array.isArray(rows) ? rows : [];
};
