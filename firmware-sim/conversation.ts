/** A central's side of the conversation, for tests of the charger. */
import type { SetName } from "@bluepower/protocol/charger/frames";
import { encodeRequest } from "@bluepower/protocol/charger/frames";
import { frameBytes } from "@bluepower/protocol/charger/reader";
import { signRequest } from "@bluepower/protocol/charger/signature";
import { instant } from "@bluepower/protocol/clock";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { chargerTime, instantOf, parseChargerTime, wallTime } from "@bluepower/protocol/siteTime";
import { chipId, derivedJamCode } from "@bluepower/protocol/units";
import { SimulatedCharger } from "./charger.ts";

export const CHIP = chipId("A1B2C3D4E5F6");
export const JAM = derivedJamCode(CHIP);
/** 2026-11-22 10:30:00 in Shanghai. */
export const START = instant(1_795_314_600_000);
export const NOW = "261122103000";

export const bytesOf = (text: string): Uint8Array => frameBytes(text);
export const textOf = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

/** A charger's time some seconds later. */
export function later(time: string, seconds: number): string {
  const wall = parseChargerTime(time);
  const at = wall === undefined ? undefined : instantOf(wall, "UTC");
  if (at === undefined) throw new Error(`no time: ${time}`);
  return chargerTime(wallTime(instant(at + seconds * 1000), "UTC"));
}

/** A signed set command as text. */
export function signed(
  name: SetName,
  parameters: string[],
  timestamp: string,
  jamCode: string = JAM,
): string {
  return encodeRequest(signRequest({ name, parameters, timestamp }, jamCode));
}

/** A charger with a central on it, whose commands carry timestamps of their own. */
export function linked(of: Partial<ConstructorParameters<typeof SimulatedCharger>[0]> = {}) {
  const clock = new SimulatedClock(START);
  const charger = new SimulatedCharger({ chip: CHIP, clock, zone: "Asia/Shanghai", ...of });
  charger.connected();
  let sequence = 0;
  const say = (text: string): string[] => charger.receive(bytesOf(text)).map(textOf);
  /** One frame, one reply. */
  const ask = (text: string): string | undefined => say(text)[0];
  /** The clock's reading, a different second each time. */
  const stamp = (): string => {
    const shown = ask("@QTIME&")?.split("|")[2]?.slice(0, 12) ?? NOW;
    return later(shown, sequence++ % 100);
  };
  const set = (name: SetName, ...parameters: string[]): string | undefined =>
    ask(signed(name, parameters, stamp()));
  const setClock = (time = NOW): string | undefined =>
    ask(signed("STIME", [time], later(time, sequence++ % 100)));
  return { clock, charger, say, ask, set, stamp, setClock, ports: () => ask("@STA&") };
}
