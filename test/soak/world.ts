import { type Clock, millis, wait } from "@bluepower/protocol/clock";
import { below, type Random } from "@bluepower/protocol/random";
import type { Site } from "../e2e/site.ts";
import { type App, Caller, firstOf, type Own, type Side } from "./caller.ts";
import type { Journal } from "./journal.ts";

/** What everybody in the soak shares. */
export interface World {
  clock: Clock;
  journal: Journal;
  site: Site;
  apps: Record<Side, App>;
  users: readonly string[];
  managers: readonly string[];
  devices: readonly string[];
  /** Nobody begins anything new; what is open is brought to its end. */
  home: boolean;
}

export const pause = (world: World, random: Random, fromMs: number, toMs: number): Promise<void> =>
  wait(world.clock, millis(fromMs + below(random, Math.max(1, toMs - fromMs))), "a person");

/** Something of a list, or nothing of an empty one. */
export const oneOf = <T>(random: Random, list: readonly T[]): T | undefined =>
  list.length === 0 ? undefined : list[below(random, list.length)];

/** Asks the sandbox's control plane; undefined when it says no. */
export async function control(
  world: World,
  path: string,
  body: object,
): Promise<Record<string, unknown> | undefined> {
  const response = await fetch(`${world.site.controlUrl}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
  const said = (await response.json()) as Record<string, unknown>;
  return response.ok ? said : undefined;
}

/** Somebody who is logged in. Whatever is answered to a session, it is never that there is none. */
export class Login {
  readonly phone: string;
  readonly caller: Caller;
  readonly #world: World;
  readonly #side: Side;
  #session = "";

  constructor(world: World, of: { side: Side; phone: string; random: Random }) {
    this.#world = world;
    this.#side = of.side;
    this.phone = of.phone;
    this.caller = new Caller({
      ...{ side: of.side, app: world.apps[of.side], origin: world.site.origin, address: of.phone },
      ...{ clock: world.clock, journal: world.journal, random: of.random.fork("caller") },
    });
  }

  /** Logs in, as often as WeChat says no; a code of WeChat's holds for one try. */
  async login(): Promise<void> {
    const { clock } = this.#world;
    const who = { app: this.#side, openid: `openid-${this.phone}` };
    const method =
      this.#side === "user" ? ["userLogin", "getUserPhone"] : ["managerLogin", "getManagerPhone"];
    const [login = "", phoneOf = ""] = method;
    for (;;) {
      const { jsCode = "" } = (await control(this.#world, "/login-code", who)) ?? {};
      const opened = await this.caller.ask(login, { jsCode: String(jsCode) }, [
        "LOGIN_REFUSED",
        "WECHAT_UNAVAILABLE",
      ]);
      const session = opened === undefined ? undefined : String(firstOf(opened)?.session);
      if (session !== undefined) {
        const { code = "" } = (await control(this.#world, "/phone", { ...who, phone: this.phone })) ?? {};
        const may = ["PHONE_REFUSED", "WECHAT_UNAVAILABLE"] as const;
        if ((await this.caller.ask(phoneOf, { session, code: String(code) }, may)) !== undefined) {
          this.#session = session;
          this.#world.journal.count("login");
          return;
        }
      }
      await wait(clock, millis(200), "log in again");
    }
  }

  /** As `Caller.ask`, with who asks. */
  async ask(method: string, own: Own, mayRefuse: Parameters<Caller["ask"]>[2] = []) {
    return await this.caller.ask(
      method,
      { [this.#side]: this.phone, session: this.#session, ...own },
      mayRefuse,
    );
  }
}
