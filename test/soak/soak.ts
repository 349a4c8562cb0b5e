import { millis, wait } from "@bluepower/protocol/clock";
import { seededRandom } from "@bluepower/protocol/random";
import { systemClock } from "@bluepower/protocol/systemClock";
import { until } from "../e2e/until.ts";
import { transactionsOf, unsettled, wrongs } from "./checks.ts";
import { ScriptedGateway } from "./gateway.ts";
import { Journal } from "./journal.ts";
import { listsWrong } from "./lists.ts";
import { Manager } from "./manager.ts";
import { Operator } from "./operator.ts";
import { startPrograms } from "./programs.ts";
import { Trouble } from "./trouble.ts";
import { User } from "./user.ts";
import type { World } from "./world.ts";

/** Notifications, refunds and commands are tried again within half a minute, twice where WeChat has said no in between. */
const SETTLES_WITHIN_MS = 120_000;
/** On a busy machine less happens in a time. */
const MORE = 9;
/** What a program logs at these levels is a fault of its own; what WeChat does wrong is a warning. */
const ERRORS = /"level":[56]0/;

export interface SoakResult {
  /** Wall time in all, in seconds. */
  seconds: number;
  counts: Record<string, number>;
  findings: string[];
}

/**
 * Users, managers and an operator beside each other against the real cloud, which is killed again and again; then everything is
 * healed, settles, and is compared with what was acknowledged. What is drawn comes from the seed; what happens when does not.
 */
export async function runSoak(of: {
  seed: number | string;
  /** How long people come and things go wrong; and until each of these has happened so often, at most `MORE` times as long. */
  seconds: number;
  atLeast?: Readonly<Record<string, number>>;
  users: number;
  managers: number;
  /** How long the cloud lives at most, in ms. */
  killEveryMs: number;
  cloudBundle?: string;
  /** Ends it, with an exception and nothing left behind. */
  signal?: AbortSignal;
  /** Told every second what was counted so far. */
  progress?: (counts: ReadonlyMap<string, number>, findings: readonly string[]) => void;
}): Promise<SoakResult> {
  const began = performance.now();
  const clock = systemClock;
  const random = seededRandom(of.seed);
  const journal = new Journal();
  const phones = (first: number, count: number): string[] =>
    Array.from({ length: count }, (_, i) => String(first + i * 7));
  const users = phones(13_800_000_001, of.users);
  const managers = phones(13_900_000_001, of.managers);
  const programs = await startPrograms({
    ...{ clock, random, journal, managers, gateways: 3, cloudBundle: of.cloudBundle },
    chargersEach: Math.max(2, Math.ceil(of.users / 8)),
  });
  const { site, apps } = programs;
  const devices = programs.gateways.flatMap((g) => g.chargers);
  const world: World = { clock, journal, site, apps, users, managers, devices, home: false };
  const gateways = programs.gateways.map(
    (g) => new ScriptedGateway({ ...g, url: programs.mqttUrl, clock, journal, random: random.fork(g.id) }),
  );
  const progress = setInterval(() => of.progress?.(journal.counts, journal.findings), 1000);
  const soak = async (): Promise<SoakResult> => {
    const people = {
      users: users.map((phone) => new User(world, { phone, random: random.fork(phone) })),
      managers: managers.map((phone) => new Manager(world, { phone, random: random.fork(phone) })),
      operator: new Operator(world, random.fork("operator")),
    };
    const trouble = new Trouble(world, { gateways, random: random.fork("trouble") });
    const lives = [...people.users, ...people.managers, people.operator].map((person) =>
      person.live().catch((error: unknown) => {
        journal.finding(
          `a script failed: ${error instanceof Error ? (error.stack ?? error.message) : error}`,
        );
      }),
    );
    trouble.begin(of.killEveryMs);
    const enough = (): boolean =>
      Object.entries(of.atLeast ?? {}).every(([what, n]) => (journal.counts.get(what) ?? 0) >= n);
    const ends = clock.uptime() + of.seconds * 1000;
    while (clock.uptime() < ends || (!enough() && clock.uptime() < ends + of.seconds * 1000 * MORE)) {
      await wait(clock, millis(250), "the soak");
    }
    world.home = true;
    await Promise.all(lives);
    await trouble.heal();
    for (const { login } of [...people.users, ...people.managers]) login.caller.impatient = false;
    await Promise.all(people.users.map((user) => user.goHome()));
    await Promise.all(people.managers.map(({ login }) => login.caller.quiet()));
    await until(
      "everything has settled",
      () => unsettled(world, gateways),
      (open) => open.length === 0,
      SETTLES_WITHIN_MS,
    ).catch((error: Error) => journal.finding(error.message));
    // What is compared is what is on the disk.
    await trouble.kill();
    // Where money is compared with WeChat beyond what the sandbox lists, its bills belong here too.
    for (const finding of wrongs(world, { gateways, transactions: await transactionsOf(world) })) {
      journal.finding(finding);
    }
    const charges = new Map(gateways.flatMap((g) => [...g.charges]));
    for (const finding of await listsWrong(world, { ...people, charges })) journal.finding(finding);
    await people.operator.audit();
    for (const line of site.lines("cloud", ERRORS)) journal.finding(`the cloud logged: ${line}`);
    return {
      seconds: (performance.now() - began) / 1000,
      counts: Object.fromEntries(journal.counts),
      findings: journal.findings,
    };
  };
  try {
    return await Promise.race([soak(), interrupted(of.signal)]);
  } catch (error) {
    const said = [...journal.findings, site.log(30)].join("\n");
    throw new Error(`the soak did not come to its end\n${said}`, { cause: error });
  } finally {
    clearInterval(progress);
    await Promise.all(gateways.map((g) => g.close()));
    await site.stop().catch((error: unknown) => {
      if (journal.findings.length === 0) throw error;
    });
  }
}

const interrupted = (signal: AbortSignal | undefined): Promise<never> =>
  new Promise((_, reject) => {
    signal?.addEventListener("abort", () => reject(new Error("interrupted")), { once: true });
  });
