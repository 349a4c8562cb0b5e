import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { instant, millis } from "@bluepower/protocol/clock";
import { seededRandom } from "@bluepower/protocol/random";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import {
  type ChipId,
  chipId,
  type DeviceCode,
  derivedJamCode,
  deviceCode,
  gatewayId,
  minutes,
  type OrderId,
  orderId,
  portNo,
} from "@bluepower/protocol/units";
import type { CommandBody, Desired } from "@bluepower/protocol/uplink/messages";
import { pino } from "pino";
import { SimulatedRadio } from "../../gateway/radio/simulatedRadio.ts";
import { type Gateway, startGateway } from "../../gateway/run.ts";
import { Store } from "../../gateway/store/store.ts";
import { ModelCloud } from "./modelCloud.ts";
import { type ChargerOnAir, chargerOnAir } from "./simulatedRadio.ts";

export const MINUTE = 60_000;
export const order = (n: number): OrderId => orderId(`9${String(n).padStart(13, "0")}`);

interface Site {
  code: DeviceCode;
  chip: ChipId;
}

const sites: Site[] = [
  { code: deviceCode("DEMO0001"), chip: chipId("A1B2C3D4E5F6") },
  { code: deviceCode("DEMO0002"), chip: chipId("0123456789AB") },
];

/** A whole gateway on simulated time: its real parts over a simulated air, a model of the cloud behind a lossy pipe. */
export class GatewaySite {
  readonly clock = new SimulatedClock(instant(0), () => new Promise((r) => setImmediate(r)));
  readonly random;
  readonly cloud: ModelCloud;
  readonly #dir = mkdtempSync(join(tmpdir(), "gateway-"));
  readonly chargers: ChargerOnAir[] = [];
  #radio: SimulatedRadio;
  store: Store;
  gateway: Gateway;

  constructor(seed = 1) {
    this.random = seededRandom(seed);
    this.cloud = new ModelCloud({
      clock: this.clock,
      random: this.random.fork("cloud"),
      id: gatewayId("g1"),
    });
    this.#radio = new SimulatedRadio({ clock: this.clock });
    for (const { chip } of sites) this.chargers.push(chargerOnAir(this.#radio, { chip, clock: this.clock }));
    this.desire({});
    [this.store, this.gateway] = this.#boot();
  }

  #boot(): [Store, Gateway] {
    const store = new Store({
      file: join(this.#dir, "gateway.db"),
      clock: this.clock,
      random: this.random.fork("store"),
    });
    const uplink = this.cloud.uplink();
    const gateway = startGateway({
      id: gatewayId("g1"),
      program: "gateway under test",
      clock: this.clock,
      random: this.random.fork("gateway"),
      radio: this.#radio,
      uplink,
      store,
      log: pino({ level: process.env.LOG_LEVEL ?? "silent" }),
      zone: "Asia/Shanghai",
    });
    uplink.connect();
    return [store, gateway];
  }

  /** Stops the program and starts it anew on the same store, with a new adapter over the same chargers. */
  async restart(): Promise<void> {
    await Promise.all([this.gateway.close(), this.clock.advance(millis(5000))]);
    this.store.close();
    [this.store, this.gateway] = this.#boot();
  }

  desire(change: Partial<Desired>): void {
    this.cloud.desired = {
      ...{ v: 1, sentAt: 0, version: (this.cloud.desired?.version ?? 0) + 1, timeZone: "Asia/Shanghai" },
      foreignPorts: "report",
      chargers: sites.map(({ code, chip }) => ({
        ...{ deviceCode: code, chipId: chip, jamCode: derivedJamCode(chip), profile: 1 },
        ...{ unitPrice: 150, maxUnit: 12, enabled: true, manager: null },
      })),
      orders: [],
      blackList: [],
      ...change,
    };
  }

  start(id: string, n: number, options: { charger?: 0 | 1; port?: number; minutes?: number } = {}): void {
    const site = sites[options.charger ?? 0];
    if (site === undefined) throw new Error("no such charger");
    const body: CommandBody = {
      kind: "start",
      orderId: order(n),
      deviceCode: site.code,
      port: portNo(options.port ?? 1),
      minutes: minutes(options.minutes ?? 30),
    };
    this.cloud.send(id, body);
  }

  pass(ms: number): Promise<void> {
    return this.clock.advance(millis(ms));
  }

  /** What the cloud was told of an order, in order. */
  told(n: number): string[] {
    return this.cloud.applied
      .filter((e) => (e.body as { orderId?: string }).orderId === order(n))
      .map((e) => {
        const body = e.body as Record<string, unknown>;
        const what =
          body.reason ??
          [body.minutes, body.endReason, body.evidence].filter((v) => v !== undefined).join(" ");
        return `${e.kind} ${what}`.trim();
      });
  }

  charger(n: 0 | 1): ChargerOnAir {
    const charger = this.chargers[n];
    if (charger === undefined) throw new Error("no such charger");
    return charger;
  }

  runs(n: 0 | 1, port: number): boolean {
    return this.charger(n)
      .charger.view()
      .ports.some((p) => p.port === port && p.state === "running");
  }

  async close(): Promise<void> {
    await Promise.all([this.gateway.close(), this.clock.advance(millis(5000))]);
    this.store.close();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
