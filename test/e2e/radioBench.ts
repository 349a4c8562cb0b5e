import { type ChildProcess, fork } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Millis } from "@bluepower/protocol/clock";
import { seededRandom } from "@bluepower/protocol/random";
import { type ChipId, chipId, type DeviceCode, deviceCode } from "@bluepower/protocol/units";
import { type Logger, pino } from "pino";
import { rolldown } from "rolldown";
import type { ChargerView } from "../../firmware-sim/charger.ts";
import { applyFault } from "../../firmware-sim/virtual-hci/faults.ts";
import { serveH4 } from "../../firmware-sim/virtual-hci/server.ts";
import { createVirtualRadio, type VirtualRadio } from "../../firmware-sim/virtual-hci/virtualRadio.ts";
import type { ChargerSession, UseOutcome } from "../../gateway/chargers/chargers.ts";
import { type GatewayRadio, gatewayRadio } from "./gatewayRadio.ts";
import { until } from "./until.ts";

/** Chips and codes of the bench's chargers, counted from 1. */
export const chipOf = (n: number): ChipId => chipId(`CHARGER${String(n).padStart(5, "0")}`);
export const codeOf = (n: number): DeviceCode => deviceCode(`CODE${String(n).padStart(4, "0")}`);

export interface Bench extends Omit<GatewayRadio, "close"> {
  air: VirtualRadio;
  /** Log entries of the gateway's side. */
  log: Record<string, unknown>[];
  charger(n: number, ...habits: string[]): Promise<void>;
  /** What the charger shows. */
  view(n: number): Promise<ChargerView>;
  killCharger(n: number): void;
  fault(body: object): void;
  /** The address of the gateway's controller. */
  central(): string;
  stop(): Promise<void>;
}

/**
 * The gateway's radio on the real noble in its worker process, chargers on the real bleno in processes of their own, a virtual
 * air between them in this process.
 */
export async function radioBench(of: {
  links?: number;
  assigned: number;
  timing?: "instant" | "interval";
}): Promise<Bench> {
  const folder = await mkdtemp(join(tmpdir(), "bluepower-radio-"));
  const socket = join(folder, "air.sock");
  const air = createVirtualRadio({ timing: of.timing ?? "instant", random: seededRandom("radio bench") });
  const served = await serveH4(air, socket);
  const { worker, peer, remove } = await bundles();
  const log: Record<string, unknown>[] = [];
  const logger: Logger = pino({ level: "debug" }, { write: (line: string) => log.push(JSON.parse(line)) });
  const gateway = gatewayRadio({
    ...{ bundle: worker, socket, log: logger },
    chargers: Array.from({ length: of.assigned }, (_, i) => ({ code: codeOf(i + 1), chip: chipOf(i + 1) })),
    ...(of.links === undefined ? {} : { links: of.links }),
  });
  const chargers = new Map<number, ChildProcess>();
  const answerOf = (child: ChildProcess): Promise<{ ready?: true; view?: ChargerView }> =>
    new Promise((done, failed) => {
      child.once("message", (message) => done(message as { view?: ChargerView }));
      child.once("exit", (code) => failed(new Error(`the charger ended with ${code}`)));
    });
  return {
    ...gateway,
    air,
    log,
    async charger(n, ...habits) {
      const child = fork(peer, ["--chip", chipOf(n), "--socket", socket, ...habits], { execArgv: [] });
      chargers.set(n, child);
      await answerOf(child);
    },
    async view(n) {
      const child = chargers.get(n);
      if (child === undefined) throw new Error(`there is no charger ${n}`);
      const answer = answerOf(child);
      child.send("view");
      const { view } = await answer;
      if (view === undefined) throw new Error("the charger shows nothing");
      return view;
    },
    killCharger: (n) => void chargers.get(n)?.kill("SIGKILL"),
    fault(body) {
      const outcome = applyFault(air, body);
      if (outcome.kind !== "applied") throw new Error(outcome.message);
    },
    central() {
      const found = air.controllers().findLast((c) => c.name === undefined);
      if (found === undefined) throw new Error("the gateway has no controller");
      return found.address;
    },
    async stop() {
      await gateway.close();
      for (const child of chargers.values()) child.kill("SIGKILL");
      await served.close();
      air.close();
      await remove();
      await rm(folder, { recursive: true });
    },
  };
}

/** Requests for the bench's chargers. */
export function requests(bench: () => Bench) {
  const use = <T>(
    n: number,
    work: (session: ChargerSession) => Promise<T>,
    deadline?: Millis,
  ): Promise<UseOutcome<T>> => bench().use(codeOf(n), work, deadline);
  /** Asks until a command is confirmed: the link may be gone without anybody having noticed. */
  const served = (n: number): Promise<unknown> =>
    until(
      `charger ${n} is served`,
      () => use(n, (s) => s.blink()),
      (outcome) => outcome.kind === "done" && outcome.value.kind === "ok",
      30_000,
    );
  return { use, served };
}

/** Both programs as single files, in a folder from which their native modules are found. */
async function bundles(): Promise<{ worker: string; peer: string; remove: () => Promise<void> }> {
  const root = resolve(import.meta.dirname, "../..");
  await mkdir(join(root, "dist"), { recursive: true });
  const dir = await mkdtemp(join(root, "dist/radio-bench-"));
  const bundle = await rolldown({
    input: {
      worker: join(root, "gateway/ble-worker/main.ts"),
      peer: join(root, "test/e2e/blenoPeer.ts"),
    },
    platform: "node",
    external: [/^@abandonware\//],
  });
  await bundle.write({ dir, format: "esm", entryFileNames: "[name].mjs", chunkFileNames: "[name].mjs" });
  await bundle.close();
  return {
    worker: join(dir, "worker.mjs"),
    peer: join(dir, "peer.mjs"),
    remove: () => rm(dir, { recursive: true }),
  };
}
