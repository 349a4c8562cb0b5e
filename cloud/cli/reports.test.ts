import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { inflateRawSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { transaction } from "../database/open.ts";
import { insertOrder } from "../orders/orderRow.ts";
import { GATED, MANAGER, OTHER, PHONED, type TestWorld, testWorld, USER } from "../orders/testWorld.ts";
import { payer } from "../payments/payer.ts";
import { XLSX_MAX_ROWS, xlsx } from "../sheets/xlsx.ts";
import { TestTerminal } from "./testTerminal.ts";

let terminal: TestTerminal;
let world: TestWorld;
beforeEach(async () => {
  terminal = new TestTerminal();
  world = await testWorld(terminal.url);
  terminal.clock = world.clock;
});
afterEach(async () => {
  await world.close();
  terminal.close();
});
const { open } = payer(() => world);

const report = (of: string, name: string, more = "") =>
  terminal.json(`report ${of} --from 2027-01-15 --to 2027-01-16 --file ${terminal.path(name)} ${more}`);
const csv = (name: string): string[][] => {
  const text = readFileSync(terminal.path(name), "utf8");
  expect(text[0]).toBe("\ufeff");
  return text
    .slice(1)
    .split("\r\n")
    .slice(0, -1)
    .map((line) => line.split(","));
};

/** The files of a zip, by its central directory. */
function unzip(zip: Buffer): Map<string, string> {
  const files = new Map<string, string>();
  const end = zip.lastIndexOf(Buffer.from("PK\x05\x06", "latin1"));
  let at = zip.readUInt32LE(end + 16);
  for (let n = zip.readUInt16LE(end + 10); n > 0; n--) {
    const size = zip.readUInt32LE(at + 20);
    const [name, extra, comment] = [28, 30, 32].map((o) => zip.readUInt16LE(at + o)) as [
      number,
      number,
      number,
    ];
    const local = zip.readUInt32LE(at + 42);
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const bytes = zip.subarray(start, start + size);
    const text = zip.readUInt16LE(at + 10) === 8 ? inflateRawSync(bytes) : bytes;
    files.set(zip.toString("utf8", at + 46, at + 46 + name), text.toString("utf8"));
    at += 46 + name + extra + comment;
  }
  return files;
}

/** The cells of the one sheet: texts, numbers, and null for none. */
function sheet(name: string): { cells: (string | number | null)[][]; xml: string } {
  const files = unzip(readFileSync(terminal.path(name)));
  const plain = (xml: string) =>
    xml
      .replaceAll(/<[^>]*>/g, "")
      .replaceAll("&lt;", "<")
      .replaceAll("&gt;", ">")
      .replaceAll("&quot;", '"')
      .replaceAll(/&(apos|#39);/g, "'")
      .replaceAll("&amp;", "&");
  const shared = [...(files.get("xl/sharedStrings.xml") ?? "").matchAll(/<si>(.*?)<\/si>/gs)].map((m) =>
    plain(m[1] ?? ""),
  );
  const xml = files.get("xl/worksheets/sheet1.xml") ?? "";
  const cells = [...xml.matchAll(/<row [^>]*>(.*?)<\/row>/gs)].map((row) =>
    [...(row[1] ?? "").matchAll(/<c ([^>]*?)(?:\/>|>(.*?)<\/c>)/gs)].map((c) => {
      const value = /<v>(.*?)<\/v>/s.exec(c[2] ?? "")?.[1];
      if (value === undefined) return null;
      return /t="s"/.test(c[1] ?? "") ? (shared[Number(value)] ?? null) : Number(value);
    }),
  );
  return { cells, xml };
}

/** Two orders of one manager on one day, one of them paid, and one on the next day. */
async function threeOrders(): Promise<string[]> {
  await world.giveCoins(USER, 3);
  const first = await world.charging();
  await world.finish(first.orderId, 60);
  await open(first.orderId, { pmoney: 3, cash: 0 });
  const second = await world.charging({ user: OTHER, deviceCode: PHONED, port: 2, unit: 1, money: 150 });
  world.clock.jump(86_400_000 as never);
  const third = await world.charging({ port: 2 });
  return [first.orderId, second.orderId, third.orderId];
}

test("orders are written one a row, with the money as it stands", async () => {
  const ids = await threeOrders();
  expect(await report("orders", "a.csv")).toMatchObject({ rows: 3, file: terminal.path("a.csv") });
  expect(statSync(terminal.path("a.csv")).mode & 0o777).toBe(0o600);
  const [head, ...rows] = csv("a.csv");
  const of = (name: string) => rows.map((row) => row[head?.indexOf(name) ?? -1]);
  expect(of("订单号")).toEqual(ids);
  expect(of("用户")).toEqual(["138****0001", "138****0002", "138****0001"]);
  expect(of("金额(元)")).toEqual(["3.00", "1.50", "3.00"]);
  expect(of("支付状态")).toEqual(["已支付", "未支付", "未支付"]);
  expect(of("下单时间")[0]).toBe("2027-01-15 16:00:00");
  await report("orders", "b.csv", "--phones");
  expect(csv("b.csv")[1]).toContain(USER);
  expect(await report("orders", "c.csv", "--manager 13900000009")).toMatchObject({ rows: 0 });
  await terminal.json(`report orders --from 20270116 --to 20270116 --file ${terminal.path("d.csv")}`);
  expect(
    csv("d.csv")
      .slice(1)
      .map((row) => row[0]),
  ).toEqual([ids[2]]);
});

test("a sheet holds numbers as numbers and texts as texts, also those that look like formulas", async () => {
  await world.db.updateTable("device_info").set({ deviceName: '=HYPERLINK("x")&<b>\u0001' }).execute();
  const [first] = await threeOrders();
  await report("orders", "a.xlsx");
  const { cells, xml } = sheet("a.xlsx");
  expect(cells).toHaveLength(4);
  expect(cells[0]?.slice(0, 3)).toEqual(["订单号", "下单时间", "用户"]);
  expect(cells[1]?.slice(0, 12)).toEqual([
    ...[first, "2027-01-15 16:00:00", "138****0001", "139****0001", GATED, '=HYPERLINK("x")&<b>'],
    ...[1, 2, 1.5, 3, 3, 0],
  ]);
  expect(xml).not.toContain("<f>");
  expect(statSync(terminal.path("a.xlsx")).mode & 0o777).toBe(0o600);
});

test("sums are by day, manager and charger, and fit the orders", async () => {
  await threeOrders();
  await report("days", "days.csv");
  expect(csv("days.csv")).toEqual([
    ["日期", "管理员", "订单数", "单位数", "金额(元)", "已支付订单", "充电币", "现金(元)"],
    ["2027-01-15", "139****0001", "2", "3", "4.50", "1", "3", "0.00"],
    ["2027-01-16", "139****0001", "1", "2", "3.00", "0", "0", "0.00"],
  ]);
  await report("managers", "managers.xlsx", "--phones");
  expect(sheet("managers.xlsx").cells[1]).toEqual([MANAGER, 3, 5, 7.5, 1, 3, 0]);
  await report("devices", "devices.csv", `--phones --manager ${MANAGER}`);
  expect(csv("devices.csv").slice(1)).toEqual([
    [MANAGER, GATED, "2", "4", "6.00", "1", "3", "0.00"],
    [MANAGER, PHONED, "1", "1", "1.50", "0", "0", "0.00"],
  ]);
});

test("a formula in a name runs in no spreadsheet that reads the CSV", async () => {
  await world.db.updateTable("device_info").set({ deviceName: "=1+1" }).execute();
  await world.charging();
  await report("orders", "a.csv");
  expect(csv("a.csv")[1]).toContain("'=1+1");
});

test("more orders than are read at once come once each", async () => {
  const order = await world.charging();
  const { id: _, ...values } = order;
  await transaction(world.db, async (tx) => {
    for (let i = 0; i < 2300; i++) {
      const orderId = `9${String(i).padStart(13, "0")}`;
      await insertOrder(tx, { ...values, orderId, state: "finished", payState: "paid", cashOutFlag: 2 });
    }
  });
  expect(await report("orders", "a.csv")).toMatchObject({ rows: 2301 });
  expect(new Set(csv("a.csv").map((row) => row[0])).size).toBe(2302);
  await report("days", "days.csv");
  expect(csv("days.csv")[1]?.[2]).toBe("2301");
});

test("what cannot be written leaves nothing, and nothing is written over", async () => {
  writeFileSync(terminal.path("a.csv"), "of another");
  const line = `report days --from 2027-01-15 --to 2027-01-16 --file ${terminal.path("a.csv")}`;
  expect(await terminal.refused(line)).toContain("is there already; remove it first");
  expect(readFileSync(terminal.path("a.csv"), "utf8")).toBe("of another");
  expect(existsSync(`${terminal.path("a.csv")}.part`)).toBe(false);
  expect(await terminal.refused("report days --from 2027-01-15 --to 2027-01-16 --file a.txt", 2)).toContain(
    "ends in .csv or .xlsx",
  );
  expect(await terminal.refused("report days --from 2027-01-17 --to 2027-01-16 --file a.csv")).toBe(
    "--from is after --to",
  );
});

test("a sheet of too many rows is not made, and no more of them are read", async () => {
  let read = 0;
  async function* batches() {
    for (;;) {
      read += 1000;
      yield Array.from({ length: 1000 }, () => ["x"]);
    }
  }
  expect(await xlsx({ title: "x", head: ["x"], batches: batches() })).toBe("too_many_rows");
  expect(read).toBe(XLSX_MAX_ROWS + 1000);
});
