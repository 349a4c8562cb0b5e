import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFailed, test } from "vitest";
import { one, type Site, startSite } from "../e2e/site.ts";
import { until } from "../e2e/until.ts";
import { ended, installed } from "./programs.ts";

/**
 * The main job with every part as a real process, on the controller emulator of BlueZ, which knows nothing of ours: what
 * chargers and gateway say to a controller is Bluetooth, not only what our own virtual controller takes. Whoever connects to
 * btvirt's socket gets a controller of their own; all of them hear each other.
 *
 * One thing it cannot do: btvirt counts the links of each controller by itself, and hands data on under the number that the
 * link has at its sender. The second link of one controller has another number at its other end, where nothing is known under
 * the sender's: no data arrives. So the gateway holds one link at a time here, and the chargers take turns.
 */

const present = installed("the main job on BlueZ's controller emulator", ["btvirt", "cc"]);
const hour = { unitPrice: "1.50", unit: 2, money: "3.00" };

describe.runIf(present)("on the controllers of btvirt", { timeout: 90_000 }, () => {
  const said: string[] = [];
  let dir: string;
  let emulator: ChildProcess;
  let site: Site;

  const tell = () => console.log([...said, site.log()].join("\n"));
  const portOf = async (code: string, port: number) =>
    (await site.charger(code)).ports.find((p) => p.port === port);
  const states = async (code: string) => (await site.charger(code)).ports.map((p) => p.state);
  const poweronsOf = (code: string): number => site.lines(code, /POWERON\|/).length;
  const linksOf = (code: string): number =>
    site.lines("gateway", new RegExp(`"charger":"${code}".*"msg":"linked"`)).length;
  const order = async (who: { user: string; session: string }, deviceCode: string, port: number) => {
    const opened = one(await site.call("newPowerOrder", { ...who, deviceCode, port, ...hour }));
    expect(opened.state).toBe("charging");
    return String(opened.orderId);
  };

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "btvirt-"));
    const preload = join(dir, "sandbox.so");
    execFileSync("cc", [
      ...["-shared", "-fPIC", "-Wall", "-Werror", "-O1", "-o", preload],
      ...[join(import.meta.dirname, "btvirt-sandbox.c"), "-ldl"],
    ]);
    const env = { PATH: process.env.PATH, LD_PRELOAD: preload, BTVIRT_DIR: dir };
    emulator = spawn("btvirt", ["-s"], { env, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [emulator.stdout, emulator.stderr]) {
      stream?.on("data", (bytes: Buffer) => said.push(`btvirt: ${String(bytes).trimEnd()}`));
    }
    const radio = join(dir, "bt-server-le");
    await until(
      "btvirt listens",
      () => existsSync(radio),
      (there) => there,
    );
    site = await startSite({
      chargers: [
        { code: "BTVIRT01", chip: "B70000000001" },
        { code: "BTVIRT02", chip: "B70000000002" },
      ],
      // An hour of charging passes in a quarter of a minute.
      speed: 240,
      radio,
      env: { LINKS: "1" },
    });
    await site.reachable("BTVIRT01");
    await site.reachable("BTVIRT02");
  }, 120_000);

  afterAll(async () => {
    await site?.stop();
    if (emulator !== undefined) await ended(emulator);
    await rm(dir, { recursive: true, force: true });
  });

  test("both chargers are heard, linked in turn and read, on controllers that are btvirt's", async () => {
    onTestFailed(tell);
    const views = [await site.charger("BTVIRT01"), await site.charger("BTVIRT02")];
    for (const view of views) {
      expect(view).toMatchObject({
        clock: expect.stringMatching(/^[0-9]{12}$/),
        radio: expect.stringMatching(/^00:aa:01:/),
      });
    }
    expect(views[0]?.radio).not.toBe(views[1]?.radio);
    for (const deviceCode of ["BTVIRT01", "BTVIRT02"]) {
      expect(one(await site.call("getDeviceInfo", { deviceCode }))).toMatchObject({
        portState: "1000200030004000",
      });
    }
  });

  test("a charge is ordered, stopped by its person, billed and paid; no other port moves", async () => {
    onTestFailed(tell);
    const who = await site.user("13800000001");
    const orderId = await order(who, "BTVIRT01", 2);
    expect(await states("BTVIRT01")).toEqual(["free", "running", "free", "free"]);
    expect(await states("BTVIRT02")).toEqual(["free", "free", "free", "free"]);
    expect(one(await site.call("stopPowerOrder", { ...who, orderId }))).toMatchObject({ result: 0 });
    expect(await states("BTVIRT01")).toEqual(["free", "free", "free", "free"]);
    expect((await site.call("getOrderPay", who)).data).toMatchObject([{ orderId, port: 2, money: 3 }]);
    await site.pay(who, orderId, "3.00");
    expect(await site.order(who, orderId)).toMatchObject({ state: "finished", payState: "paid", cash: 3 });
    expect((await site.call("getOrderPay", who)).data).toEqual([]);
  });

  test("a charge runs out while the charger ends its link: linked again, ended by time, billed and paid", async () => {
    onTestFailed(tell);
    const who = await site.user("13800000002");
    const orderId = await order(who, "BTVIRT02", 3);
    const before = linksOf("BTVIRT02");
    await site.chargerFault("BTVIRT02", { kind: "drop-link" });
    await until(
      "the charger is linked again",
      () => linksOf("BTVIRT02"),
      (links) => links > before,
    );
    expect(await portOf("BTVIRT02", 3)).toMatchObject({ state: "running" });
    const finished = await until(
      "the charge has ended",
      () => site.order(who, orderId),
      (o) => o.state === "finished",
      60_000,
    );
    expect(finished).toMatchObject({ minutes: 60, unit: 2, money: 3 });
    expect(await portOf("BTVIRT02", 3)).toMatchObject({ state: "free" });
    await site.pay(who, orderId, "3.00");
  });

  test("the gateway is killed in mid-charge and comes back: it links again, and the charge is ended by its person", async () => {
    onTestFailed(tell);
    const who = await site.user("13800000003");
    const before = poweronsOf("BTVIRT01");
    const orderId = await order(who, "BTVIRT01", 4);
    await site.kill("gateway");
    await until(
      "the cloud misses the gateway",
      async () => one(await site.call("getDeviceInfo", { deviceCode: "BTVIRT01" })),
      (device) => device.gateway === 2,
    );
    expect(await portOf("BTVIRT01", 4)).toMatchObject({ state: "running" });
    await site.start("gateway");
    await site.reachable("BTVIRT01");
    expect(await portOf("BTVIRT01", 4)).toMatchObject({ state: "running" });
    expect(one(await site.call("stopPowerOrder", { ...who, orderId }))).toMatchObject({ result: 0 });
    expect(await portOf("BTVIRT01", 4)).toMatchObject({ state: "free" });
    expect(poweronsOf("BTVIRT01") - before).toBe(1);
    await site.pay(who, orderId, "3.00");
    expect(await site.order(who, orderId)).toMatchObject({ state: "finished", payState: "paid", cash: 3 });
  });
});
