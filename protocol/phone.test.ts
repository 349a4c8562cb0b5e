import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createContext, Script } from "node:vm";
import { build } from "rolldown";
import { beforeAll, expect, test } from "vitest";

/** All of protocol in a context as bare as a phone's: the language, and nothing of Node or a browser. */

const sources = readdirSync(import.meta.dirname, { recursive: true, encoding: "utf8" }).filter(
  (f) => f.endsWith(".ts") && !f.endsWith(".test.ts") && !f.startsWith("node_modules"),
);
const golden = (file: string) => JSON.parse(readFileSync(join(import.meta.dirname, file), "utf8"));

let run: (expression: string) => unknown;

beforeAll(async () => {
  const all = "\0all";
  const imports = sources.map(
    (f, i) => `import * as m${i} from ${JSON.stringify(join(import.meta.dirname, f))};`,
  );
  const names = sources.map((f, i) => `${JSON.stringify(f.replace(/\.ts$/, ""))}: m${i}`);
  const { output } = await build({
    input: all,
    platform: "neutral",
    write: false,
    output: { format: "iife", name: "protocol" },
    plugins: [
      {
        name: "all",
        resolveId: (id) => (id === all ? all : null),
        load: (id) => (id === all ? `${imports.join("\n")}\nexport default { ${names.join(", ")} };` : null),
      },
    ],
  });
  const context = createContext({}, { codeGeneration: { strings: false, wasm: false } });
  new Script(`${output[0].code}\nconst p = protocol.default ?? protocol;`).runInContext(context);
  run = (expression) => JSON.parse(String(new Script(`JSON.stringify(${expression})`).runInContext(context)));
});

test("the context is bare", () => {
  const absent = [
    "Buffer",
    "TextEncoder",
    "TextDecoder",
    "require",
    "process",
    "crypto",
    "setTimeout",
    "btoa",
  ];
  expect(run(`[${absent.map((name) => `typeof ${name}`)}]`)).toEqual(absent.map(() => "undefined"));
  expect(() => run(`eval("1")`)).toThrow(/Code generation from strings disallowed/);
});

test("every file of protocol loads", () => {
  expect(sources.length).toBeGreaterThan(15);
  expect(run("Object.keys(p)")).toEqual(sources.map((f) => f.replace(/\.ts$/, "")));
});

test("frames, both ways and in pieces", () => {
  const [query, , , poweron] = golden("charger/golden/requests.json").valid;
  expect(run(`p["charger/frames"].decodeRequest(${JSON.stringify(poweron.text)})`)).toEqual(poweron.decoded);
  expect(
    run(`p["charger/frames"].encodeRequest(p["charger/signature"].signRequest(
      { name: "POWERON", parameters: ["1", "120"], timestamp: "261122103000" }, "123456"))`),
  ).toBe(poweron.text);
  expect(
    run(`(() => {
      const { FrameReader, frameBytes, chunks } = p["charger/reader"];
      const reader = new FrameReader();
      return chunks(frameBytes("noise" + ${JSON.stringify(query.text)}), 3).flatMap((c) => reader.push(c));
    })()`),
  ).toEqual([query.text]);
});

test("the signature of the HTTP interface, Chinese text too", () => {
  for (const g of golden("http/golden/signatures.json").valid) {
    const map = `new Map(Object.entries(${JSON.stringify(g.parameters)}))`;
    const jam = JSON.stringify(g.jamCode);
    expect(run(`p["http/signature"].httpSignature(${map}, ${jam})`)).toBe(g.signature);
    expect(
      run(`p["http/signature"].verifyHttpSignature(${map}, ${JSON.stringify(g.hexSignature)}, ${jam})`),
    ).toBe(true);
  }
});

test("the pass signature", () => {
  for (const g of golden("http/golden/passSignatures.json").valid) {
    const bytes = (hex: string): string => `Uint8Array.from([${[...Buffer.from(hex, "hex")]}])`;
    const call = `${JSON.stringify(g.method)}, new Map(Object.entries(${JSON.stringify(g.parameters)}))`;
    expect(run(`p["http/passSignature"].passSignature(${call}, ${bytes(g.secretKey)})`)).toBe(g.signature);
    const signature = JSON.stringify(g.signature);
    expect(
      run(`p["http/passSignature"].verifyPassSignature(${call}, ${signature}, ${bytes(g.publicKey)})`),
    ).toBe(true);
  }
});

test("site time", () => {
  expect(run(`p["siteTime"].chargerTime(p["siteTime"].wallTime(1795314600000, "Asia/Shanghai"))`)).toBe(
    "261122103000",
  );
});

test("a message of the uplink, and what is wrong with one", () => {
  const message = (v: unknown): string =>
    `p["uplink/shape"].decode(p["uplink/messages"].want, ${JSON.stringify({ v, have: null, more: 1 })})`;
  expect(run(message(1))).toEqual({ value: { v: 1, have: null } });
  expect(run(message("1"))).toEqual({ problem: "v: a whole number from 0" });
  expect(run(`p["uplink/topics"].up.hello("g1")`)).toMatch(/^up\/[0-9]{2}\/g1\/hello$/);
});
