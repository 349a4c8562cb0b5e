import type { Kill, Seen } from "./lane.ts";
import { PROGRAMS, type Program, type When } from "./wire.ts";

/** Something that a program does in a scenario: the `n`th time of what is called `label`. */
export interface Point {
  scenario: string;
  program: Program;
  label: string;
  n: number;
}

/** Why a point that was recorded may not come up again, by what it is called. */
const MAY_VANISH: readonly { label: RegExp; why: string }[] = [
  {
    label: /^(mqtt ack|commit gateway_cursor|commit meta=acknowledged)$/,
    why: "events that come close together travel as one",
  },
  {
    label: /^(mqtt desired|commit desired)$/,
    why: "changes that come close together make one desired state",
  },
  {
    label: /^(frame|tell \w+) STA|=port\.changed$|event port\.changed$/,
    why: "the ports are read on a timer as well",
  },
  { label: /is_trade_managed$/, why: "it is asked once a day, and remembered" },
  { label: /^commit order_info=finished$/, why: "the event of the end came before the answer to the stop" },
  {
    label: /^commit chargeOrder=(charging|charging,user|starting,outstanding,cancelWanted)$/,
    why: "the reading came before the command, or after it",
  },
];

export const whyVanished = (point: { label: string }): string | undefined =>
  MAY_VANISH.find(({ label }) => label.test(point.label))?.why;

/** The points of a scenario: those of `every` recording, or of `some`. */
export function pointsOf(scenario: string, recordings: readonly Seen[], of: "every" | "some"): Point[] {
  const choose = of === "every" ? Math.min : Math.max;
  return PROGRAMS.flatMap((program) => {
    const counts = recordings.map((seen) => seen[program]);
    const labels = [...new Set(counts.flatMap((c) => [...c.keys()]))].toSorted();
    return labels.flatMap((label) => {
      const times = choose(...counts.map((c) => c.get(label) ?? 0));
      return Array.from({ length: times }, (_, i) => ({ scenario, program, label, n: i + 1 }));
    });
  });
}

export const nameOf = ({ scenario, label, n }: Omit<Point, "program">): string =>
  `${scenario}: ${label} #${n}`;

export const killName = ({ scenario, program, place }: Kill): string =>
  `${program} ${nameOf({ scenario, ...place })} ${place.when}`;

/** The kill that a name means. Throws for a text that is no name of one. */
export function parseKill(name: string): Kill {
  const parts = /^(\S+) (\S+): (.+) #(\d+) (before|after)$/.exec(name);
  const program = PROGRAMS.find((p) => p === parts?.[1]);
  if (parts === null || program === undefined) {
    throw new Error(`KILL_POINT is, for example, "cloud charge: mqtt start #1 before", not "${name}"`);
  }
  const [, , scenario = "", label = "", n, when] = parts;
  return { scenario, program, place: { label, n: Number(n), when: when as When } };
}

/** Before and after each point; programs take turns, so that a gateway is not asked for its Bluetooth process again and again. */
export function killsOf(points: readonly Point[]): Kill[] {
  const turns = PROGRAMS.map((program) => {
    const own = points.filter((p) => p.program === program);
    return own.flatMap(({ scenario, label, n }, i) =>
      (["before", "after"] as const).map((when, side) => ({
        kill: { scenario, program, place: { label, n, when } },
        at: (2 * i + side) / (2 * own.length),
      })),
    );
  });
  return turns
    .flat()
    .toSorted((a, b) => a.at - b.at)
    .map(({ kill }) => kill);
}

/** The point that a name in the list of the last commit means. Throws for a text that is no name of one. */
function parsePoint(program: Program, name: string): Point {
  const parts = /^(\S+): (.+) #(\d+)$/.exec(name);
  if (parts === null) throw new Error(`"${name}" is no kill point`);
  const [, scenario = "", label = "", n] = parts;
  return { scenario, program, label, n: Number(n) };
}

export const pointsIn = (names: ByProgram): Point[] =>
  PROGRAMS.flatMap((program) => names[program].map((name) => parsePoint(program, name)));

/** The same share of the kills in every run, of each program and scenario some. */
export function sampleOf(all: readonly Kill[], size: number): Kill[] {
  const kills = all.filter(({ place }) => whyVanished(place) === undefined);
  return kills.filter(
    (_, i) => Math.floor((i * size) / kills.length) !== Math.floor(((i - 1) * size) / kills.length),
  );
}

/** The names of points, by program. */
export type ByProgram = Record<Program, string[]>;

export function byProgram(points: readonly Point[]): ByProgram {
  const of = (program: Program): string[] =>
    points
      .filter((p) => p.program === program)
      .map((p) => nameOf(p))
      .toSorted();
  return { cloud: of("cloud"), gateway: of("gateway"), "ble-worker": of("ble-worker") };
}
