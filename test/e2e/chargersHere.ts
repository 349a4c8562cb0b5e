import { EventEmitter } from "node:events";
import Module, { createRequire } from "node:module";
import type { Clock } from "@bluepower/protocol/clock";
import { createHciSocketClass } from "@bluepower/protocol/hci/socket";
import { systemClock } from "@bluepower/protocol/systemClock";
import type { ChipId } from "@bluepower/protocol/units";
import type { Bleno } from "../../firmware-sim/bleno.ts";
import { SimulatedCharger } from "../../firmware-sim/charger.ts";
import { startPeripheral } from "../../firmware-sim/peripheral.ts";
import { inProcess, type VirtualRadio } from "../../firmware-sim/virtual-hci/virtualRadio.ts";

export interface ChargersHere {
  /** A charger on a bleno and a controller of its own; resolves when it advertises. */
  add(chip: ChipId): Promise<SimulatedCharger>;
  /** What happened to the chargers' own controllers, which is nothing as long as all is well. */
  readonly lost: readonly string[];
  close(): void;
}

/** Chargers in this process, any number of them, on the air given. One such crowd in a process at a time. */
export function chargersHere(air: VirtualRadio): ChargersHere {
  const require = createRequire(import.meta.url);
  const path = require.resolve("@abandonware/bluetooth-hci-socket");
  const stops: (() => void)[] = [];
  const lost: string[] = [];
  const clock = endableClock();
  // Each bleno listens for the end of the process, and never takes it back.
  const signals = ["SIGINT", "exit"] as const;
  const foreign = new Set<unknown>(signals.flatMap((signal) => process.listeners(signal as "exit")));
  const listenersMax = process.getMaxListeners();
  process.setMaxListeners(0);

  /** bleno exists once in a module graph: each charger has a graph of its own. */
  function freshBleno(): Bleno {
    for (const key of Object.keys(require.cache)) {
      if (key.includes("/@abandonware/")) delete require.cache[key];
    }
    const Socket = createHciSocketClass({
      EventEmitter,
      toBuffer: (bytes) => Buffer.from(bytes),
      macrotask: setImmediate,
      open: inProcess(air),
      lost: (error) => lost.push(error.message),
    });
    require.cache[path] = Object.assign(new Module(path), { filename: path, loaded: true, exports: Socket });
    const bleno = require("@abandonware/bleno");
    stops.push(() => {
      bleno._bindings._hci.pollIsDevUp = () => {};
      bleno._bindings._hci._socket.stop();
    });
    return bleno;
  }

  return {
    lost,
    add: (chip) =>
      new Promise((resolve, reject) => {
        const charger = new SimulatedCharger({ chip, clock, zone: "Asia/Shanghai" });
        startPeripheral({
          charger,
          clock,
          bleno: freshBleno(),
          ready: () => resolve(charger),
          fatal: (reason) => {
            lost.push(reason);
            reject(new Error(reason));
          },
        });
      }),
    close() {
      for (const stop of stops) stop();
      clock.end();
      for (const signal of signals) {
        for (const listener of process.listeners(signal as "exit")) {
          if (!foreign.has(listener)) process.off(signal, listener);
        }
      }
      process.setMaxListeners(listenersMax);
    },
  };
}

/** The chargers' timers, which have no end of their own, end with the crowd. */
function endableClock(): Clock & { end(): void } {
  const timers = new Set<{ cancel(): void }>();
  return {
    now: () => systemClock.now(),
    uptime: () => systemClock.uptime(),
    after(delay, label, run) {
      const timer = systemClock.after(delay, label, () => {
        timers.delete(timer);
        return run();
      });
      timers.add(timer);
      return timer;
    },
    end() {
      for (const timer of timers) timer.cancel();
    },
  };
}
