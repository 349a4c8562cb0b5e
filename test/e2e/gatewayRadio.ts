import { type Instant, type Millis, seconds } from "@bluepower/protocol/clock";
import { systemClock } from "@bluepower/protocol/systemClock";
import { type ChipId, type DeviceCode, derivedJamCode } from "@bluepower/protocol/units";
import type { Logger } from "pino";
import type { ChargerSession, UseOutcome } from "../../gateway/chargers/chargers.ts";
import { Scheduler } from "../../gateway/chargers/scheduler.ts";
import { forkWorker } from "../../gateway/radio/workerProcess.ts";
import { WorkerRadio } from "../../gateway/radio/workerRadio.ts";

export interface GatewayRadio {
  radio: WorkerRadio;
  scheduler: Scheduler;
  /** Process ids of all workers started, the last one living. */
  workers: number[];
  /** A command for a charger. */
  use<T>(
    charger: DeviceCode,
    work: (session: ChargerSession) => Promise<T>,
    deadline?: Millis,
  ): Promise<UseOutcome<T>>;
  close(): Promise<void>;
}

/** The gateway's Bluetooth without the gateway: the real noble in its worker process, and who gets a link. */
export function gatewayRadio(of: {
  /** The worker's program. */
  bundle: string;
  /** Of the air. */
  socket: string;
  chargers: readonly { code: DeviceCode; chip: ChipId }[];
  links?: number;
  log: Logger;
}): GatewayRadio {
  const workers: number[] = [];
  const radio = new WorkerRadio({
    clock: systemClock,
    log: of.log,
    start() {
      const worker = forkWorker({ bundle: of.bundle, radio: `virtual:${of.socket}` });
      workers.push(worker.pid ?? 0);
      return worker;
    },
  });
  const scheduler = new Scheduler({
    clock: systemClock,
    radio,
    site: { now: (): Instant => systemClock.now(), synced: () => true, zone: () => "Asia/Shanghai" },
    log: of.log,
    ...(of.links === undefined ? {} : { links: of.links }),
  });
  scheduler.assign(
    of.chargers.map(({ code, chip }) => ({
      ...{ charger: code, chip, profile: 1, jamCode: derivedJamCode(chip) },
    })),
  );
  return {
    radio,
    scheduler,
    workers,
    use: (charger, work, deadline = seconds(20)) =>
      scheduler.use({ charger, urgency: "command", deadline, label: "test", work }),
    async close() {
      await scheduler.close();
      await radio.close();
    },
  };
}
