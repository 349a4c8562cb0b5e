import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { instant, millis } from "@bluepower/protocol/clock";
import { seededRandom } from "@bluepower/protocol/random";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { deviceCode, minutes, orderId, portNo } from "@bluepower/protocol/units";
import type { CommandBody, CommandOutcome } from "@bluepower/protocol/uplink/messages";
import Database from "better-sqlite3";
import { afterEach, beforeEach, expect, test } from "vitest";
import { newOrder } from "../supervisor/newOrder.ts";
import type { StoredCommand } from "./commands.ts";
import { openDatabase } from "./database.ts";
import { Store } from "./store.ts";

let dir = "";
const clock = new SimulatedClock(instant(5_000_000));
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "store-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const file = (): string => join(dir, "gateway.db");
const open = (quotaBytes?: number): Store =>
  new Store({
    file: file(),
    clock,
    random: seededRandom(1),
    ...(quotaBytes === undefined ? {} : { quotaBytes }),
  });
const order = (n: number, port = 1) =>
  newOrder(
    {
      ...{ orderId: orderId(`9${String(n).padStart(13, "0")}`), deviceCode: deviceCode("DEMO0001") },
      ...{ port: portNo(port), minutes: minutes(30) },
    },
    0,
    { boot: 1, uptime: 0 },
  );

test("the stream and everything written stand after a restart; the boot is counted", () => {
  const first = open();
  first.write(() => first.orders.insert(order(1)));
  const { stream } = first;
  first.close();
  const second = open();
  expect(second.stream).toBe(stream);
  expect(second.boots.number).toBe(2);
  expect(second.orders.open()).toEqual([order(1)]);
  second.close();
});

test("a port has one live order, whoever writes; it is free again when the order has ended", () => {
  const store = open();
  store.write(() => store.orders.insert(order(1)));
  expect(() => store.write(() => store.orders.insert(order(2)))).toThrow(/UNIQUE/);
  expect(store.orders.get(order(2).orderId)).toBeUndefined();
  store.write(() => store.orders.update({ ...order(1), state: "failed" }));
  store.write(() => store.orders.insert(order(2)));
  expect(store.orders.holder(order(2).deviceCode, portNo(1))).toBe(order(2).orderId);
  store.close();
});

test("open orders of a charger follow every write, and a transaction that was rolled back leaves none", () => {
  const store = open();
  const codes = () => store.orders.openOf(order(1).deviceCode).map((o) => `${o.orderId} ${o.state}`);
  expect(codes()).toEqual([]);
  const undone = () =>
    store.write(() => {
      store.orders.insert(order(1));
      expect(codes()).toEqual([`${order(1).orderId} starting`]);
      throw new Error("undone");
    });
  expect(undone).toThrow("undone");
  expect(codes()).toEqual([]);
  store.write(() => store.orders.insert(order(1)));
  store.write(() => store.orders.insert(order(2, 2)));
  expect(codes()).toEqual([`${order(1).orderId} starting`, `${order(2).orderId} starting`]);
  store.write(() => store.orders.update({ ...order(1), state: "charging" }));
  store.write(() => store.orders.update({ ...order(2, 2), state: "failed" }));
  expect(codes()).toEqual([`${order(1).orderId} charging`]);
  store.close();
});

test("open commands are found by their order or their charger, in the order in which they came", () => {
  const store = open();
  const received = { boot: 1, uptime: 0 };
  const command = (id: string, body: CommandBody) => {
    const stored = { ...{ id, body, deadline: 0, replyTo: "r", received }, outcome: null };
    store.write(() => store.commands.insert(stored));
  };
  const { orderId: first, deviceCode: charger } = order(1);
  command("d", { kind: "cancel", orderId: first });
  command("c", { kind: "blink", deviceCode: charger });
  command("b", { kind: "cancel", orderId: order(2).orderId });
  command("a", { kind: "stop", orderId: first, endReason: "user" });
  const ids = (commands: readonly { id: string }[]) => commands.map((c) => c.id);
  expect(ids(store.commands.open())).toEqual(["d", "c", "b", "a"]);
  expect(ids(store.commands.openOf(first))).toEqual(["d", "a"]);
  expect(ids(store.commands.openBlinks(charger))).toEqual(["c"]);
  store.write(() => store.commands.settle("d", { kind: "cancelled" }));
  store.write(() => store.commands.settle("c", { kind: "done" }));
  const undone = () =>
    store.write(() => {
      store.commands.settle("b", { kind: "cancelled" });
      expect(ids(store.commands.open())).toEqual(["a"]);
      throw new Error("undone");
    });
  expect(undone).toThrow("undone");
  expect(ids(store.commands.open())).toEqual(["b", "a"]);
  expect(ids(store.commands.openOf(first))).toEqual(["a"]);
  expect(ids(store.commands.openBlinks(charger))).toEqual([]);
  store.close();
});

test("a full quota is a value: nothing of the transaction stands, and reading goes on", () => {
  const store = open(400 * 1024);
  let full = false;
  for (let n = 1; n < 500 && !full; n++) {
    const written = store.write(() => {
      store.orders.insert({ ...order(n), state: "failed" });
      store.journal.append({ kind: "health", body: { detail: "x".repeat(5000) } });
    });
    full = written.kind === "store_full";
    if (full) expect(store.orders.get(order(n).orderId)).toBeUndefined();
  }
  expect(full).toBe(true);
  expect(store.takesOrders()).toBe(false);
  expect(store.takesTelemetry()).toBe(false);
  expect(store.journal.after(0).length).toBeGreaterThan(0);
  store.close();
});

const command = (id: string, outcome: CommandOutcome | null = null): StoredCommand => ({
  ...{ id, body: { kind: "cancel", orderId: order(1).orderId }, deadline: 0, replyTo: "r" },
  ...{ received: { boot: 1, uptime: 0 }, outcome },
});

test("the first outcome of a command stands", () => {
  const store = open();
  store.write(() => {
    store.commands.insert(command("a"));
    store.commands.settle("a", { kind: "unreachable", detail: "" });
    store.commands.settle("a", { kind: "done" });
  });
  expect(store.commands.get("a")?.outcome).toEqual({ kind: "unreachable", detail: "" });
  store.close();
});

test("what is old and over is forgotten; an open command and an end without evidence are kept however old", () => {
  const store = open();
  store.write(() => {
    store.orders.insert({ ...order(1), state: "finished", settled: false });
    store.orders.insert({ ...order(2), state: "finished" });
    store.commands.insert(command("open"));
    store.commands.insert(command("answered", { kind: "done" }));
    for (let n = 3; n < 20_010; n++) {
      store.orders.insert({ ...order(n), state: "finished" });
      store.commands.insert(command(String(n), { kind: "done" }));
    }
  });
  store.keep();
  expect([1, 2, 20_009].map((n) => store.orders.get(order(n).orderId) !== undefined)).toEqual([
    true,
    false,
    true,
  ]);
  expect(["open", "answered", "20009"].map((id) => store.commands.get(id) !== undefined)).toEqual([
    true,
    false,
    true,
  ]);
  store.close();
});

test("synchronous FULL and WAL, because what was told must survive a power cut", () => {
  // A connection says how it writes itself; in another one's file the journal's mode is all that stands.
  const db = openDatabase(file());
  const pragma = (name: string): unknown => db.pragma(name, { simple: true });
  expect([pragma("journal_mode"), pragma("synchronous")]).toEqual(["wal", 2]);
  db.close();
});

test("nobody else reads the store, wherever it lies: jam codes are in it", () => {
  const store = open();
  store.write(() => store.orders.insert(order(1)));
  const files = readdirSync(dir);
  expect(files).toContain("gateway.db-wal");
  expect(files.filter((f) => (statSync(join(dir, f)).mode & 0o077) !== 0)).toEqual([]);
  store.close();
});

test("a store of a newer program, and a file that is no database, are refused by name", () => {
  open().close();
  const db = new Database(file());
  db.pragma("user_version = 99");
  db.close();
  expect(() => open()).toThrow(/newer program/);
  rmSync(file());
  writeFileSync(file(), "no database at all, but long enough to be looked at as one".repeat(20));
  expect(() => open()).toThrow();
  expect(readFileSync(file(), "utf8")).toContain("no database");
});

test("a wall clock that wakes in the past does not go below the floor, and spans between boots need true times", async () => {
  const first = open();
  first.write(() => first.boots.correct(1_800_000_000_000 - clock.uptime(), "synced"));
  const then = first.boots.now();
  first.keep();
  first.close();
  await clock.advance(millis(60_000));
  const second = open();
  expect(second.boots.wall(second.boots.now()).at).toBeGreaterThanOrEqual(1_800_000_000_000);
  expect(second.boots.elapsed(then)).toBeUndefined();
  second.write(() => second.boots.correct(1_800_000_000_000 + 60_000 - clock.uptime(), "synced"));
  expect(second.boots.elapsed(then)).toBe(60_000);
  second.close();
});
