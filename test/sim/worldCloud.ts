import { join } from "node:path";
import type { Clock } from "@bluepower/protocol/clock";
import { httpSignature } from "@bluepower/protocol/http/signature";
import type { Random } from "@bluepower/protocol/random";
import type { Answer } from "../../cloud/api/envelope.ts";
import { openCards, testConfig } from "../../cloud/api/scenario.ts";
import { table } from "../../cloud/api/table.ts";
import { createWeb } from "../../cloud/api/web.ts";
import { PAY_NOTIFY_PATH } from "../../cloud/api/wechatNotify.ts";
import type { Cloud } from "../../cloud/cloud.ts";
import type { Db } from "../../cloud/database/database.ts";
import { type OpenDatabase, openDatabase } from "../../cloud/database/open.ts";
import { startGateways } from "../../cloud/gateways/start.ts";
import { createMetrics } from "../../cloud/metrics.ts";
import { gatewayOrders } from "../../cloud/orders/gatewayOrders.ts";
import { startOrders } from "../../cloud/orders/sweeper.ts";
import type { PaymentProvider } from "../../cloud/payments/payments.ts";
import { startPayments } from "../../cloud/payments/start.ts";
import { WallClock } from "./worldClocks.ts";
import { type WorldFolder, worldFolder } from "./worldFolder.ts";
import { Doom, Killed, Life, quietLog, survive } from "./worldLife.ts";
import type { WorldPipe } from "./worldPipe.ts";

export type Own = Readonly<Record<string, string | number>>;

interface CloudParts {
  clock: Clock;
  random: Random;
  /** What is logged as an error. */
  logged: (line: string) => void;
  pipe: WorldPipe;
  provider: PaymentProvider;
  /** Called right after each commit, also one that the program does not outlive. */
  committed: () => void;
  /** The program has been killed at a commit; `boot` starts it anew. */
  crashed: (when: "before" | "after") => void;
}

/** One life of the cloud's program; `web` is undefined until it serves. */
interface Run {
  life: Life;
  opened: OpenDatabase | undefined;
  web: ReturnType<typeof createWeb> | undefined;
}

const absent = (): never => {
  throw new Error("nobody logs in at WeChat in this world");
};

/**
 * The real cloud on its file: everything that its program wires, but for sockets. A crash takes the memory, what was under way
 * and every connection, and leaves the file.
 */
export class WorldCloud {
  /** A connection of the world's own, beside the program's: it sees what is committed, also while the program is dead. */
  readonly db: Db;
  readonly file: string;
  /** Stepped by its operator's NTP. */
  readonly wall: WallClock;
  readonly doom = new Doom();
  readonly #of: CloudParts;
  readonly #folder: WorldFolder;
  readonly #closeOwn: () => Promise<void>;
  #boots = 0;
  #run: Run | undefined;

  private constructor(of: CloudParts, own: { folder: WorldFolder; file: string; opened: OpenDatabase }) {
    this.#of = of;
    this.#folder = own.folder;
    this.file = own.file;
    this.db = own.opened.db;
    this.#closeOwn = own.opened.close;
    this.wall = new WallClock(of.clock);
  }

  /** Opens the file and starts the program on it; `furnish` fills it before. */
  static async open(of: CloudParts & { furnish: (db: Db) => Promise<void> }): Promise<WorldCloud> {
    const folder = worldFolder("cloud");
    const file = join(folder.path, "cloud.db");
    const opened = await openDatabase({ url: `sqlite:${file}` });
    await of.furnish(opened.db);
    const cloud = new WorldCloud(of, { folder, file, opened });
    await cloud.boot();
    return cloud;
  }

  get running(): boolean {
    return this.#run?.life.alive === true;
  }

  /** `noticed`: the gateway's connection is reset, rather than silent. */
  kill(noticed: boolean): void {
    if (!this.running) return;
    this.doom.forget();
    this.#run?.life.end();
    this.#of.pipe.cloudDead(noticed);
  }

  /** Starts the program on its file; it may be killed before it serves. */
  async boot(): Promise<void> {
    if (this.running) return;
    await this.#run?.opened?.close();
    this.#boots += 1;
    const life = new Life(this.#of.clock, this.wall);
    const run: Run = { life, opened: undefined, web: undefined };
    this.#run = run;
    await survive(() => this.#start(run));
  }

  async #start(run: Run): Promise<void> {
    const { pipe, logged } = this.#of;
    const { life } = run;
    const { clock } = life;
    const random = this.#of.random.fork(`boot ${this.#boots}`);
    const log = quietLog(life, logged);
    const config = testConfig;
    run.opened = await openDatabase({
      url: `sqlite:${this.file}`,
      trace: (when) => this.#traced(life, when),
    });
    const { db } = run.opened;
    const gateways = await startGateways({
      ...{ db, clock, random, log, config },
      orders: gatewayOrders(clock),
      openPipe: async (listener) => pipe.open(listener, () => life.alive),
    });
    const provider = mortal(this.#of.provider, life);
    const payments = await startPayments({ db, clock, random, log, provider, coinFen: config.coinFen });
    startOrders({ db, clock, gateways, log });
    const wechat = { login: absent, phoneByCode: absent, phoneByData: absent };
    const cloud: Cloud = { clock, random, log, config, db, gateways, payments, wechat, cards: openCards };
    run.web = createWeb(cloud, { table, metrics: createMetrics() });
  }

  #traced(life: Life, when: "use" | "commit" | "committed"): void {
    life.check();
    if (when === "use") return;
    if (when === "committed") this.#of.committed();
    const where = when === "commit" ? "before" : "after";
    if (!this.doom.comes(where)) return;
    this.kill(true);
    this.#of.crashed(where);
    throw new Killed(`the program has been killed ${where} a commit`);
  }

  /** The text of a signed call; sent twice it is a repeat. */
  signed(own: Own): string {
    const { appId, appKey, jamCode } = testConfig.apps.user;
    const body = { appId, appKey, timestamp: Math.floor(this.wall.now() / 1000), ...own };
    const parameters = new Map(Object.entries(body).map(([name, value]) => [name, String(value)]));
    return JSON.stringify({ ...body, signature: httpSignature(parameters, jamCode) });
  }

  /** A call of the user's side. Undefined: no answer came, because there is no cloud, or none any more. */
  async send(method: string, body: string): Promise<Answer | { http: number } | undefined> {
    return await this.#asked(`/oapi/bluepower_user/1_0/${method}`, body, async (response) =>
      response.status === 200 ? ((await response.json()) as Answer) : { http: response.status },
    );
  }

  /** A notification of WeChat Pay; the status that it was answered with, if it was. */
  async notify(body: string): Promise<number | undefined> {
    return await this.#asked(PAY_NOTIFY_PATH, body, async (response) => response.status);
  }

  async #asked<T>(
    path: string,
    body: string,
    read: (response: Response) => Promise<T>,
  ): Promise<T | undefined> {
    const run = this.#run;
    if (run?.web === undefined || !run.life.alive) return undefined;
    const ask = async (web: NonNullable<Run["web"]>): Promise<T> =>
      await read(
        await web.request(path, { method: "POST", headers: { "content-type": "application/json" }, body }),
      );
    const answer = await Promise.race([ask(run.web), run.life.ended]);
    return run.life.alive ? answer : undefined;
  }

  async close(): Promise<void> {
    this.kill(true);
    await this.#run?.opened?.close();
    await this.#closeOwn();
    this.#folder.remove();
  }
}

/** WeChat Pay as a program sees it that may be killed: it asks nothing any more, and no answer reaches it. */
function mortal(provider: PaymentProvider, life: Life): PaymentProvider {
  const asked = async <T>(ask: () => Promise<T>): Promise<T> => {
    life.check();
    const answer = await ask();
    life.check();
    return answer;
  };
  return {
    appId: provider.appId,
    mchId: provider.mchId,
    createJsapi: (order) => asked(() => provider.createJsapi(order)),
    createH5: (order) => asked(() => provider.createH5(order)),
    query: (number) => asked(() => provider.query(number)),
    close: (number) => asked(() => provider.close(number)),
    refund: (refund) => asked(() => provider.refund(refund)),
    readNotification: (headers, body) => provider.readNotification(headers, body),
  };
}
