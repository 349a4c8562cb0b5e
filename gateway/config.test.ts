import { describe, expect, test } from "vitest";
import { readConfig } from "./config.ts";

const good = ["run", "--id", "g1", "--token-file", "/t", "--broker", "mqtt://h:1", "--radio", "hci"];
const without = (flag: string): string[] => {
  const at = good.indexOf(flag);
  return [...good.slice(0, at), ...good.slice(at + 2)];
};

test("flags, and the environment where a flag is missing; a flag goes first", () => {
  expect(readConfig(good, {})).toMatchObject({
    kind: "run",
    id: "g1",
    radio: "hci",
    port: 8088,
    zone: "Asia/Shanghai",
  });
  const env = {
    GATEWAY_ID: "g2",
    GATEWAY_TOKEN_FILE: "/u",
    BROKER_URL: "mqtts://h",
    RADIO: "virtual:/s",
    GATEWAY_PORT: "1",
  };
  expect(readConfig(["run"], env)).toMatchObject({
    kind: "run",
    id: "g2",
    tokenFile: "/u",
    radio: "virtual:/s",
    port: 1,
  });
  expect(readConfig(["run", "--id", "g3"], env)).toMatchObject({ id: "g3" });
});

test("help shows every variable, without arguments too", () => {
  for (const argv of [[], ["--help"], ["run", "--help"], ["status", "-h"]]) {
    expect(readConfig(argv, {})).toEqual({ kind: "help" });
  }
});

describe("a bad flag is one line that names it", () => {
  const cases: [argv: string[], names: string][] = [
    [["fly"], "fly"],
    [["run", "--bogus"], "--bogus"],
    [[...good, "extra"], "extra"],
    [without("--id"), "--id"],
    [without("--token-file"), "--token-file"],
    [without("--broker"), "--broker"],
    [without("--radio"), "--radio"],
    [[...good, "--id", "a/b"], "--id"],
    [[...good, "--broker", "http://h"], "--broker"],
    [[...good, "--broker", "mqtt://u:secret@h"], "--broker"],
    [[...good, "--radio", "usb"], "--radio"],
    [[...good, "--radio", "virtual:"], "--radio"],
    [[...good, "--port", "99999"], "--port"],
    [[...good, "--port", "1e3"], "--port"],
    [[...good, "--links", "0"], "--links"],
    [[...good, "--zone", "Mars/Base"], "--zone"],
    [[...good, "--log-level", "loud"], "--log-level"],
    [["status", "--port", "x"], "--port"],
    [["status", "--id", "g"], "--id"],
  ];
  for (const [argv, names] of cases) {
    test(argv.slice(argv[0] === "run" ? 9 : 1).join(" ") || `without ${names}`, () => {
      const config = readConfig(argv, {});
      expect(config.kind).toBe("problem");
      if (config.kind !== "problem") return;
      expect(config.problem).toContain(names);
      expect(config.problem).not.toContain("\n");
      expect(config.problem).not.toContain("secret");
    });
  }
});
