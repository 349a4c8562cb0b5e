import { writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { IMPORT_MAX_BYTES, IMPORT_MAX_ROWS } from "../devices/importFile.ts";
import { TestTerminal } from "./testTerminal.ts";

let terminal: TestTerminal;
let file: string;
beforeEach(async () => {
  terminal = new TestTerminal();
  file = terminal.path("chargers.csv");
  await terminal.json("site add yard --zone Asia/Shanghai");
  await terminal.json("gateway add gw-7 --site yard");
});
afterEach(() => terminal.close());

/** Imports a file that has to be refused; its lines of mistakes. */
async function mistakes(text: string | Buffer, flags = ""): Promise<string[]> {
  writeFileSync(file, text);
  const ran = await terminal.run(`device import ${file} ${flags}`);
  expect(ran).toMatchObject({ code: 1, out: "" });
  expect(ran.err[0]).toMatch(/ has (one mistake|\d+ mistakes); no charger is registered$/);
  expect(await terminal.json("device list")).toEqual([]);
  return ran.err.slice(1);
}

test("chargers come from a file as spreadsheets write it, all in one", async () => {
  const lines = [
    "\ufeffchip,deviceCode,version,name,gateway,jamCode",
    'A1B2C3D4E5F6,DEMO0001,1,"Hall ""A"", left",gw-7,ZZ99ZZ',
    "",
    "0123456789AB, DEMO0002 ,1,,,",
  ];
  writeFileSync(file, `${lines.join("\r\n")}\r\n`);
  expect(await terminal.json(`device import ${file} --dry-run`)).toMatchObject({ count: 2, dryRun: true });
  expect(await terminal.json("device list")).toEqual([]);
  const version = () =>
    terminal.inDatabase((db) => db.selectFrom("gateway").select("desiredVersion").executeTakeFirstOrThrow());
  const before = (await version()).desiredVersion;
  expect(await terminal.json(`device import ${file}`)).toEqual({
    ...{ count: 2, dryRun: false, deviceCodes: ["DEMO0001", "DEMO0002"] },
  });
  expect((await version()).desiredVersion).toBeGreaterThan(before);
  expect(await terminal.json("device list")).toMatchObject([
    { deviceCode: "DEMO0001", chip: "A1B2C3D4E5F6", deviceName: 'Hall "A", left', gateway: "gw-7" },
    { deviceCode: "DEMO0002", chip: "0123456789AB", deviceName: "", gateway: null },
  ]);
  const codes = await terminal.inDatabase((db) =>
    db.selectFrom("device_info").select("jamCode").orderBy("deviceCode").execute(),
  );
  expect(codes[0]).toEqual({ jamCode: "ZZ99ZZ" });
  expect((await terminal.audited()).filter((a) => a.what === "device.register")).toHaveLength(2);
});

test("every line that is wrong is told with its field and what is allowed, and none is registered", async () => {
  const lines = [
    "deviceCode,chip,version,jamCode,gateway,name",
    "DEMO0001,A1B2C3D4E5F6,1,,,",
    "SHORT,a1,9,secret!,gw/7,x",
    "DEMO0001,A1B2C3D4E5F6,1,,,",
    "DEMO0003,0123456789AB,1",
    '"DEMO0004","BADC0FFEE0DD",1,,,"two',
    'lines"',
    ",FEDCBA987654,,,,",
  ];
  const told = await mistakes(lines.join("\n"));
  expect(told).toEqual([
    'line 3: deviceCode is 8 of 0-9A-Za-z, not "SHORT"',
    'line 3: chip is 12 of 0-9A-Z, not "a1"',
    'line 3: version is the number of a known kind of charger, 1 for the one with four ports, not "9"',
    "line 3: jamCode is 6 of 0-9A-Z, or empty for the derived one",
    'line 3: gateway is the id of a gateway, or empty, not "gw/7"',
    'line 4: deviceCode "DEMO0001" is on line 2, too',
    'line 4: chip "A1B2C3D4E5F6" is on line 2, too',
    "line 5: has 3 fields, not 6",
    'line 6: name is at most 60 characters on one line, none of them hidden, not "two lines"',
    'line 8: deviceCode is 8 of 0-9A-Za-z, not ""',
    'line 8: version is the number of a known kind of charger, 1 for the one with four ports, not ""',
  ]);
});

test("what only the database knows is told as well, also by a dry run, and none stays", async () => {
  const text = [
    "deviceCode,chip,version,gateway",
    "DEMO0001,A1B2C3D4E5F6,1,gw-7",
    "DEMO0002,0123456789AB,1,gw-8",
  ].join("\n");
  const wrong = ['line 3: gateway there is no gateway "gw-8", or it is revoked'];
  expect(await mistakes(text, "--dry-run")).toEqual(wrong);
  expect(await mistakes(text)).toEqual(wrong);
  expect((await terminal.audited()).filter((a) => a.what.startsWith("device"))).toEqual([]);
  await terminal.json("device add DEMO0001 --chip 0123456789AB --version 1");
  const again = await terminal.run(`device import ${file}`);
  expect(again.err.slice(1)).toEqual([
    'line 2: deviceCode there is a charger "DEMO0001" already',
    'line 3: chip there is a charger with the chip ID "0123456789AB" already',
  ]);
  expect(await terminal.json("device list")).toHaveLength(1);
});

test("a file that is no such table is named as a whole", async () => {
  expect(await mistakes("")).toEqual(["line 1: the file is empty"]);
  expect(await mistakes("deviceCode,chip,version\n")).toEqual(["line 1: no charger follows"]);
  expect(await mistakes("deviceCode,deviceCode,colour\n")).toEqual([
    "line 1: colour is no column; they are deviceCode, chip, version, jamCode, gateway, name",
    "line 1: deviceCode is named twice",
    "line 1: chip is missing in the first line",
    "line 1: version is missing in the first line",
  ]);
  expect(await mistakes('deviceCode,chip,version\nDEMO0001,"A1,1\n')).toEqual([
    "line 2: a quote is not closed",
  ]);
  expect(await mistakes('deviceCode,chip,version\nDEMO0001,"A1"x,1\n')).toEqual([
    "line 2: behind a closing quote stands a comma or the end of the line",
  ]);
  // The quote of line 2 ends with the one that line 4 begins with.
  expect(
    await mistakes('deviceCode,chip,version\n"DEMO0001,A1,1\nDEMO0002,A1B2C3D4E5F6,x\n"DEMO0003",A1,1\n'),
  ).toEqual([
    "line 2: behind a closing quote stands a comma or the end of the line; the next one, on line 4, closes it",
    'line 3: version is the number of a known kind of charger, 1 for the one with four ports, not "x"',
    'line 4: chip is 12 of 0-9A-Z, not "A1"',
  ]);
  expect(await mistakes('"deviceCode,chip,version\nDEMO0001,A1,1\n')).toEqual([
    "line 1: a quote is not closed",
  ]);
  expect(await mistakes(`deviceCode,chip,version\n${"x,y,z\n".repeat(IMPORT_MAX_ROWS + 1)}`)).toEqual([
    `line 1: at most ${IMPORT_MAX_ROWS} chargers at once, not ${IMPORT_MAX_ROWS + 1}`,
  ]);
  const many = await mistakes(`deviceCode,chip,version\n${"x,y,z\n".repeat(200)}`);
  expect(many).toHaveLength(101);
  expect(many.at(-1)).toMatch(/^and \d+ more$/);
});

test("a file that is too large, of another form, or not there is not read", async () => {
  writeFileSync(file, "x".repeat(IMPORT_MAX_BYTES + 1));
  expect(await terminal.refused(`device import ${file}`)).toContain("is larger than 1048576 bytes");
  writeFileSync(file, Buffer.from([0xd6, 0xd0, 0xce, 0xc4]));
  expect(await terminal.refused(`device import ${file}`)).toContain("is not UTF-8");
  expect(await terminal.refused(`device import ${file}.none`)).toContain("cannot be read: ENOENT");
});
