import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, test } from "vitest";

/** The rules of the house, kept by a test: what may import what, which calls are banned, names and sizes. */

const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
  encoding: "utf8",
})
  .split("\n")
  .filter((f) => /\.tsx?$/.test(f));
const sources = files.filter((f) => !isTest(f));
const text = (file: string): string => readFileSync(file, "utf8");

function isTest(file: string): boolean {
  return file.startsWith("test/") || file.endsWith(".test.ts");
}

interface Edge {
  from: string;
  to: string;
  typeOnly: boolean;
}

/** Every import and re-export of a file; a path inside the repository is written from its root. */
function edges(file: string): Edge[] {
  const found: Edge[] = [];
  const statement =
    /^\s*(?:import|export)\s+(type\s)?[^;"'`]*?from\s+["']([^"']+)["']|import\(\s*["']([^"']+)["']\s*\)|^\s*import\s+["']([^"']+)["']/gm;
  for (const match of text(file).matchAll(statement)) {
    const target = match[2] ?? match[3] ?? match[4] ?? "";
    const inside = target.startsWith(".") ? normalize(join(dirname(file), target)) : target;
    found.push({
      from: file,
      to: inside.replace(/^@bluepower\/protocol\//, "protocol/"),
      typeOnly: match[1] !== undefined,
    });
  }
  return found;
}

const top = (path: string): string => path.split("/")[0] ?? "";
const programs = ["protocol", "gateway", "cloud", "firmware-sim", "miniprogram"];

describe("import edges", () => {
  test("a program imports protocol and itself, nothing else of ours", () => {
    const wrong = sources
      .filter((f) => programs.includes(top(f)))
      .flatMap(edges)
      .filter(
        (e) =>
          [...programs, "test"].includes(top(e.to)) && top(e.to) !== "protocol" && top(e.to) !== top(e.from),
      );
    expect(wrong).toEqual([]);
  });

  test("protocol runs in a phone: no node modules, no other library than the curves and hashes", () => {
    const wrong = sources
      .filter((f) => top(f) === "protocol")
      .flatMap(edges)
      .filter((e) => top(e.to) !== "protocol" && !e.to.startsWith("@noble/"));
    expect(wrong).toEqual([]);
  });

  test("the cloud's domain knows neither hono nor zod nor mqtt", () => {
    const outer = ["cloud/api/", "cloud/gateways/", "cloud/cli/", "cloud/console/", "cloud/partners/"];
    const wrong = sources
      .filter((f) => f.startsWith("cloud/") && f.split("/").length > 2 && !outer.some((o) => f.startsWith(o)))
      .flatMap(edges)
      .filter((e) => /^(hono|@hono\/|zod|mqtt|aedes)/.test(e.to) && !e.typeOnly);
    expect(wrong).toEqual([]);
  });

  test("the sandbox shares no code with the programs", () => {
    const wrong = files
      .filter((f) => f.startsWith("test/sandbox/") && !f.endsWith(".test.ts"))
      .flatMap(edges)
      .filter((e) => ["cloud", "gateway", "firmware-sim"].includes(top(e.to)));
    expect(wrong).toEqual([]);
  });

  test("at the gateway nothing goes from the uplink to the radio without the store", () => {
    const wrong = sources
      .filter((f) => f.startsWith("gateway/uplink/"))
      .flatMap(edges)
      .filter((e) => /^gateway\/(radio|ble-worker|chargers)\//.test(e.to) && !e.typeOnly);
    expect(wrong).toEqual([]);
  });

  test("noble and bleno are never imported at the top of a file, because they throw where there is no Bluetooth", () => {
    const wrong = files.flatMap(edges).filter((e) => e.to.startsWith("@abandonware/") && !e.typeOnly);
    expect(wrong).toEqual([]);
  });

  test("every import is declared by the workspace that makes it", () => {
    const declared = (workspace: string): Set<string> => {
      const p = JSON.parse(text(join(workspace, "package.json")));
      return new Set(Object.keys({ ...p.dependencies, ...p.devDependencies }));
    };
    const workspaces = ["protocol", "gateway", "cloud", "firmware-sim", "test/sandbox"];
    const wrong: string[] = [];
    for (const file of sources.concat(
      files.filter((f) => f.startsWith("test/sandbox/") && !f.endsWith(".test.ts")),
    )) {
      const workspace = workspaces.find((w) => file.startsWith(`${w}/`));
      if (workspace === undefined) continue;
      for (const match of text(file).matchAll(/from\s+["']([^."'][^"']*)["']/g)) {
        const name = match[1] ?? "";
        if (name.startsWith("node:")) continue;
        const library = name.startsWith("@") ? name.split("/").slice(0, 2).join("/") : top(name);
        if (library === `@bluepower/${workspace}`) continue;
        if (!declared(workspace).has(library)) wrong.push(`${file}: ${library}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe("banned", () => {
  /** What a program must not call, and the files that are the reason it can be banned everywhere else. */
  const banned: { what: string; form: RegExp; except: string[] }[] = [
    {
      what: "Date and timers outside the clock",
      form: /\bDate\.now\(|\bnew Date\(\)|(?<![.\w])set(Timeout|Interval)\(/,
      except: ["protocol/systemClock.ts", "protocol/simulatedClock.ts", "firmware-sim/virtual-hci/"],
    },
    { what: "Math.random", form: /\bMath\.random\b/, except: [] },
    { what: "crypto.subtle", form: /\bcrypto\.subtle\b/, except: [] },
    { what: "eval", form: /(?<![.\w])eval\(|new Function\(/, except: [] },
    { what: "ts-ignore and any", form: /@ts-(ignore|nocheck|expect-error)|\bas any\b|: any\b/, except: [] },
    { what: "a leftover note", form: /\b(TODO|FIXME|XXX|HACK)\b/, except: [] },
    {
      what: "console.log outside a command line",
      form: /\bconsole\.log\b/,
      except: ["/main.ts", "/cli/", "/terminal.ts"],
    },
  ];
  for (const rule of banned) {
    test(rule.what, () => {
      const wrong = sources
        .filter((f) => !f.endsWith(".config.ts") && !rule.except.some((e) => f.includes(e)))
        .filter((f) => rule.form.test(text(f)));
      expect(wrong).toEqual([]);
    });
  }

  test("writing an order past the one writer, which keeps the sums of orders", () => {
    const form =
      /(insertInto|updateTable|deleteFrom)\("order_info"\)|(update|insert into|delete from) order_info/;
    const writers = ["cloud/orders/orderRow.ts", "cloud/database/migrations/"];
    const wrong = sources.filter((f) => form.test(text(f)) && !writers.some((w) => f.startsWith(w)));
    expect(wrong).toEqual([]);
  });

  test("mocks of modules and tests that are switched off", () => {
    const form = new RegExp(["vi\\.mo", "ck\\(|\\.on", "ly\\(|(test|it|describe)\\.sk", "ip\\("].join(""));
    expect(files.filter((f) => isTest(f) && form.test(text(f)))).toEqual([]);
  });
});

describe("interface", () => {
  test("every endpoint file is in the one table, under its own name", () => {
    const table = text("cloud/api/table.ts");
    const endpoints = sources.filter(
      (f) => /^cloud\/api\/(user|manager|attendance)\//.test(f) && /endpoint\(\{/.test(text(f)),
    );
    expect(endpoints.length).toBeGreaterThan(0);
    const missing = endpoints.filter((f) => !table.includes(`"./${f.slice("cloud/api/".length)}"`));
    expect(missing).toEqual([]);
    const misnamed = endpoints.filter(
      (f) => !text(f).includes(`name: "${f.split("/").at(-1)?.replace(".ts", "")}"`),
    );
    expect(misnamed).toEqual([]);
  });
});

describe("names and sizes", () => {
  test("identifiers, file names and field names are ASCII", () => {
    expect(files.filter((f) => !/^[\x20-\x7e]+$/.test(f))).toEqual([]);
    const cyrillic = /[\u0400-\u04ff]/;
    expect(sources.filter((f) => cyrillic.test(text(f)))).toEqual([]);
  });

  test("no folder is called by what says nothing", () => {
    const empty = /(^|\/)(utils?|helpers?|services?|repositories|common|models?|dto|types|lib|misc)\//;
    expect(files.filter((f) => empty.test(f))).toEqual([]);
  });

  test("a file over 500 lines says in its first lines why", () => {
    const wrong = files.filter((f) => {
      const lines = text(f).split("\n");
      return lines.length > 500 && !/One file because/.test(lines.slice(0, 12).join("\n"));
    });
    expect(wrong).toEqual([]);
  });
});
