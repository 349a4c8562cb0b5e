import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Site, startSite } from "../e2e/site.ts";
import { until } from "../e2e/until.ts";
import { giveCoins, wrongs } from "./checks.ts";
import { Phone } from "./phone.ts";
import { Probed } from "./probed.ts";
import { FAST, type Run, type Scenario, STEADY } from "./scenarios.ts";
import { type Place, PROGRAMS, type Program, SOCKET } from "./wire.ts";

/** After a kill: programs start, radio and broker are found again, deadlines of commands pass. */
const TOGETHER_MS = 60_000;
const PORTS = 4;
/** The gateway waits longer before each start of a Bluetooth process that keeps ending; a new gateway begins anew. */
const WORKER_KILLS_MAX = 2;

/** Where a program is killed. */
export interface Kill {
  scenario: string;
  program: Program;
  place: Place;
}

/** What a run has seen: how often, by name, in each program. */
export type Seen = Record<Program, Map<string, number>>;

/** One site that is used again and again. A killed program is started anew, the others live on. */
export class Lane {
  readonly #dir: string;
  readonly #site: Site;
  readonly #probed: Probed;
  #people = 0;
  #port = 0;
  #workerKills = 0;
  /** The killed program is back. */
  #back: Promise<void> | undefined;

  private constructor(of: { dir: string; site: Site; probed: Probed }) {
    this.#dir = of.dir;
    this.#site = of.site;
    this.#probed = of.probed;
  }

  static async open(): Promise<Lane> {
    const dir = await mkdtemp(join(tmpdir(), "bluepower-kill-"));
    const path = join(dir, "probe");
    const probed = await Probed.listen(path);
    let site: Site | undefined;
    try {
      site = await startSite({
        chargers: [STEADY, FAST],
        env: {
          NODE_OPTIONS: `--import="${resolve(import.meta.dirname, "../../dist/kill/probe.js")}"`,
          [SOCKET]: path,
        },
      });
      await site.reachable(STEADY.code);
      await site.reachable(FAST.code);
      return new Lane({ dir, site, probed });
    } catch (error) {
      await site?.stop();
      await probed.close();
      await rm(dir, { recursive: true, force: true });
      throw error;
    }
  }

  async close(): Promise<void> {
    // Who reaches its place now would stand there for ever.
    this.#probed.stands = (_, pid) => process.kill(pid, "SIGKILL");
    // Nor is a program started after the others have been stopped.
    await this.#back?.catch(() => {});
    await this.#site.stop();
    await this.#probed.close();
    await rm(this.#dir, { recursive: true, force: true });
  }

  log(): string {
    return this.#site.log(400);
  }

  /**
   * Plays a scenario to its end and checks everything; with `kill`, one program is killed at its place by a signal from
   * outside and started again. Throws with what is wrong. `missed`: the place was not reached.
   */
  async play(scenario: Scenario, kill?: Kill): Promise<{ seen: Seen; missed: boolean }> {
    const site = this.#site;
    if (this.#workerKills >= WORKER_KILLS_MAX) await this.#newGateway();
    const phone = await Phone.of(site, {
      number: `138${String(++this.#people).padStart(8, "0")}`,
      patient: kill?.place.when === "after",
    });
    await giveCoins(site, phone.user);
    this.#port = (this.#port % PORTS) + 1;
    const run: Run = { site, phone, port: this.#port, killed: kill?.program };
    const switchedOn = () =>
      site.lines(scenario.charger, new RegExp(`POWERON\\|${run.port}\\|\\d+: done`)).length;
    const errors = (program: Program) => site.lines(program, /"level":[56]0/);
    const before = { switchedOn: switchedOn(), errors: PROGRAMS.map((p) => errors(p).length) };
    const prepared = (await scenario.prepare?.(run)) ?? "";

    this.#back = undefined;
    this.#probed.stands = (program, pid) => {
      this.#back = this.#kill(program, pid);
      // Awaited below, where its failure is told.
      this.#back.catch(() => {});
    };
    await this.#probed.watch(kill);
    const expected = await scenario.play(run, prepared);
    const settled = () =>
      until(
        "everything agrees",
        async () => [
          ...(await wrongs(run, expected, switchedOn() - before.switchedOn)),
          ...PROGRAMS.flatMap((p, i) => errors(p).slice(before.errors[i])),
        ],
        (found) => found.length === 0,
        TOGETHER_MS,
      );
    try {
      const early = this.#back;
      await early;
      await settled();
      // One of its last sends, which nobody waited for, was the place.
      if (this.#back !== early) {
        await this.#back;
        await settled();
      }
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      throw new Error(`${said}\nthe phone was told:\n  ${phone.told.join("\n  ")}`, { cause: error });
    }
    const seen = (program: Program) => new Map(this.#probed.seen(program));
    const all = { cloud: seen("cloud"), gateway: seen("gateway"), "ble-worker": seen("ble-worker") };
    await this.#probed.rest();
    return { seen: all, missed: kill !== undefined && this.#back === undefined };
  }

  async #kill(program: Program, pid: number): Promise<void> {
    if (program === "ble-worker") {
      this.#workerKills += 1;
      process.kill(pid, "SIGKILL");
      await until(
        "the gateway starts another Bluetooth process",
        () => this.#probed.pid(program),
        (now) => now !== undefined && now !== pid,
      );
      return;
    }
    if (program === "gateway") this.#workerKills = 0;
    await this.#site.kill(program, "SIGKILL");
    await this.#site.start(program);
  }

  async #newGateway(): Promise<void> {
    this.#workerKills = 0;
    await this.#site.kill("gateway", "SIGKILL");
    await this.#site.start("gateway");
    await this.#site.reachable(STEADY.code);
    await this.#site.reachable(FAST.code);
  }
}
