import { type Instant, instant, type Millis, millis, seconds } from "@bluepower/protocol/clock";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { type ChipId, chipId, type DeviceCode, deviceCode, jamCode } from "@bluepower/protocol/units";
import { pino } from "pino";
import { SimulatedRadio } from "../radio/simulatedRadio.ts";
import type { ChargerConfig, ChargerSession, Urgency, UseOutcome } from "./chargers.ts";
import { Scheduler } from "./scheduler.ts";
import { scriptedPeer, usualAnswer } from "./scriptedPeer.ts";

const START = instant(1_795_314_600_000);
/** The same on a charger's face, in Shanghai. */
export const NOW = "261122103000";
export const chipOf = (n: number): ChipId => chipId(`CHARGER${String(n).padStart(5, "0")}`);
export const codeOf = (n: number): DeviceCode => deviceCode(`CODE${String(n).padStart(4, "0")}`);
export const configOf = (n: number): ChargerConfig => ({
  charger: codeOf(n),
  chip: chipOf(n),
  jamCode: jamCode("123456"),
  profile: 1,
});

/** A scheduler over a simulated radio, with so many chargers in reach. */
export function site(of: {
  chargers: number;
  links?: number;
  linksMax?: number;
  answer?: (frame: string) => string[];
}) {
  const clock = new SimulatedClock(START, () => new Promise((resolve) => setImmediate(resolve)));
  const radio = new SimulatedRadio({ clock, linksMax: of.linksMax ?? 7 });
  const scheduler = new Scheduler({
    clock,
    radio,
    site: { now: (): Instant => clock.now(), synced: () => true, zone: () => "Asia/Shanghai" },
    log: pino({ level: "silent" }),
    ...(of.links === undefined ? {} : { links: of.links }),
  });
  const numbers = Array.from({ length: of.chargers }, (_, i) => i + 1);
  const peers = new Map(
    numbers.map((n) => {
      const peer = scriptedPeer(of.answer ?? ((frame) => usualAnswer(frame, NOW)));
      return [n, { peer, faults: radio.add(chipOf(n), peer) }];
    }),
  );
  scheduler.assign(numbers.map(configOf));
  const at = (n: number) => peers.get(n) ?? missing(n);

  /** What became of a request, and when. */
  interface Served {
    at: Millis | undefined;
    outcome: UseOutcome<unknown> | undefined;
  }
  function use(
    n: number,
    urgency: Urgency,
    of: { deadline?: Millis; work?: (session: ChargerSession) => Promise<unknown> } = {},
  ): Served {
    const served: Served = { at: undefined, outcome: undefined };
    const asked = clock.uptime();
    void scheduler
      .use({
        charger: codeOf(n),
        urgency,
        deadline: of.deadline ?? seconds(60),
        label: `${urgency} for ${n}`,
        work: of.work ?? ((session) => session.ports()),
      })
      .then((outcome) => {
        served.at = millis(clock.uptime() - asked);
        served.outcome = outcome;
      });
    return served;
  }
  return { clock, radio, scheduler, at, use };
}

/** What work that asks once comes to. */
export const ok = { kind: "done", value: { kind: "ok" } };

function missing(n: number): never {
  throw new Error(`there is no charger ${n}`);
}
