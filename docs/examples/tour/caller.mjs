// Someone who calls the cloud and knows what has to come back.
import { apps, chargerState, fresh, pause, send } from "./client.mjs";
import { check, difference, undescribed } from "./documented.mjs";

const sentence = /\p{Script=Han}/u;
const patienceMs = 15_000;

export class Caller {
  /** `who` goes into every call: the session and the number it belongs to. */
  constructor(name, side, who = {}) {
    Object.assign(this, { name, side, who, phone: who[side], session: who.session });
  }

  async send(method, own) {
    return await send(this.side, method, await fresh(apps[this.side], method, { ...this.who, ...own }));
  }

  /** Checks an answer that is there already. */
  holds(method, wanted, answer) {
    const found = difference(wanted, answer) ?? undescribed(this.side, method, answer);
    check(this.name, method, found, answer);
    return answer.data;
  }

  async #asks(method, own, wanted, ms = 0) {
    const until = Date.now() + ms;
    for (;;) {
      const answer = await this.send(method, own);
      if (Date.now() >= until || !difference(wanted, answer)) return this.holds(method, wanted, answer);
      await pause(250);
    }
  }

  /** The call succeeds with these data. */
  async gets(method, own, data) {
    return await this.#asks(method, own, { code: 0, reason: undefined, data });
  }

  /** It does before long: what follows from something outside of the call. */
  async soonGets(method, own, data) {
    return await this.#asks(method, own, { code: 0, reason: undefined, data }, patienceMs);
  }

  /** The call succeeds with a ResultInfo of result 0. */
  async does(method, own) {
    return await this.gets(method, own, [{ result: 0, reason: "" }]);
  }

  /** The call succeeds with a ResultInfo of result 1, which says why in a sentence. */
  async fails(method, own, reason) {
    return await this.#asks(method, own, { code: 0, reason, data: [{ result: 1, reason: sentence }] });
  }

  /** The call is refused by its code. */
  async refused(method, own, code, reason) {
    return await this.#asks(method, own, { code, reason, message: sentence, data: [] });
  }
}

/** The charger itself shows it before long. */
export async function chargerShows(ports) {
  const until = Date.now() + patienceMs;
  for (;;) {
    const state = await chargerState();
    const found = difference({ ports }, state, "state");
    if (Date.now() >= until || !found) return check("DEMO0003", "GET /state", found, state);
    await pause(250);
  }
}

export const time = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/;
export const page = (pageSize) => ({ startIndex: 0, pageSize });
export const yuan = (fen) => (fen / 100).toFixed(2);
export const number = (value) => Number.isInteger(value);
