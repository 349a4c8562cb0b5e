import type { Clock } from "@bluepower/protocol/clock";
import type { ChipId, JamCode } from "@bluepower/protocol/units";
import { SimulatedCharger } from "../../firmware-sim/charger.ts";
import type { AirFaults, SimulatedRadio } from "../../gateway/radio/simulatedRadio.ts";

/** A charger of firmware-sim on the air of a simulated radio. */
export interface ChargerOnAir {
  charger: SimulatedCharger;
  /** What goes wrong between it and the gateway; may be changed at any time. */
  air: AirFaults;
  /** Ends the link to it. */
  drop: () => void;
}

/** Puts a charger in reach of the radio. A power cut of it drops the link, and it is not connected while it has no power. */
export function chargerOnAir(
  radio: SimulatedRadio,
  of: { chip: ChipId; clock: Clock; zone?: string; jamCode?: JamCode; speed?: number; rssi?: number },
): ChargerOnAir {
  const { chip, clock, zone = "Asia/Shanghai", jamCode, speed, rssi } = of;
  const charger = new SimulatedCharger({ chip, clock, zone, jamCode, speed });
  const air = radio.add(chip, charger, rssi);
  return { charger, air, drop: () => radio.drop(chip) };
}
