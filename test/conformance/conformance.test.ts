import { readdirSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import type { AnyEndpoint } from "../../cloud/api/endpoint.ts";
import { createApi } from "../../cloud/api/serve.ts";
import { table } from "../../cloud/api/table.ts";
import { booksWrong } from "../books.ts";
import type { Case } from "./case.ts";
import { casesOf } from "./cases.ts";
import { difference, type Fingerprint, fingerprints } from "./fingerprint.ts";
import type { MethodFixture, Success } from "./fixture.ts";
import { type Ask, toRequest } from "./request.ts";
import { type AuthMode, makeWorld, type World } from "./world.ts";

/** Pairs of a method and a case, in both modes. It never falls: a method or a case that goes is missed here. */
const PAIRS_AT_LEAST = 30_762;
/** What each method and each of its parameters must bring at least, so that a later one cannot make up for a poor one. */
const EVERY_METHOD = 226;
const EVERY_PARAMETER = 34;

const modes = ["session", "documented"] as const satisfies readonly AuthMode[];
const folder = new URL("./methods/", import.meta.url);
const files = readdirSync(folder).filter((f) => f.endsWith(".ts"));
const fixtures = new Map<string, MethodFixture>();
for (const file of files) {
  const module = (await import(new URL(file, folder).href)) as { default: MethodFixture };
  fixtures.set(file.replace(/\.ts$/, ""), module.default);
}

test("every method has a fixture, and every fixture a method", () => {
  expect([...fixtures.keys()].sort()).toEqual(table.map((e) => e.name).sort());
});

test.each(table.map((e) => [e.name, e] as const))(
  "%s: its fixture goes through every parameter",
  (name, e) => {
    const fixture = fixtures.get(name);
    expect(fixture).toMatchObject({ side: e.side, auth: e.auth });
    const parameters = Object.entries(fixture?.parameters ?? {});
    expect(parameters.map(([p]) => p)).toEqual(expect.arrayContaining(Object.keys(e.input.shape)));
    for (const [p, of] of parameters) {
      expect(of.wrongType.length, `${p}: wrong type`).toBeGreaterThan(0);
      expect(of.outOfRange.length, `${p}: out of range`).toBeGreaterThan(0);
    }
    for (const success of [fixture?.success, fixture?.documented, fixture?.withSession, fixture?.repeat]) {
      if (success !== undefined) declared(success);
    }
    // A change is stored with its answer; what reads or logs in is not.
    const stored = fixture?.success.change.answered_call?.added?.length ?? 0;
    expect(stored).toBe(/^(get|query)|Login$|^loginByCode$/.test(name) ? 0 : 1);
    expect(fixture?.objects.length).toBeGreaterThan(0);
    expect(fixture?.pending !== undefined).toBe(e.side === "manager" && e.auth === "session");
  },
);

/** A matcher may stand for a value that is drawn, never for a table, a row or the whole of an answer. */
function declared({ data, change }: Success): void {
  const plain = (of: unknown): boolean => Object.getPrototypeOf(of) === Object.prototype;
  expect(Array.isArray(data) || plain(data), "data is a list or a page").toBe(true);
  expect(plain(change), "the change is declared").toBe(true);
  for (const [name, of] of Object.entries(change)) {
    expect(plain(of), name).toBe(true);
    const { added = [], removed = [], changed = [], ...more } = of;
    const rows = [...added, ...removed, ...changed.map((c) => c.from), ...changed.map((c) => c.to)];
    expect([more, ...rows].every(plain), name).toBe(true);
    expect(rows.length, `${name}: nothing is left out instead`).toBeGreaterThan(0);
  }
}

let pairs = 0;
/** Methods gone through, each once a mode. */
let gone = 0;
afterAll(() => {
  console.log(`conformance: ${pairs} pairs of method and case, ${table.length} methods, both modes`);
  // A run of some methods alone says nothing about the whole; of any other run each method is a test that has to pass.
  if (gone === table.length * modes.length) expect(pairs).toBeGreaterThanOrEqual(PAIRS_AT_LEAST);
});

describe.each(modes)("AUTH_MODE=%s", (mode) => {
  // Hundreds of cases on a machine that does other things too.
  test.each(table.map((e) => [e.name, e] as const))("%s", { timeout: 180_000 }, async (name, endpoint) => {
    const fixture = fixtures.get(name);
    if (fixture === undefined) throw new Error(`test/conformance/methods/${name}.ts is missing`);
    await goThrough(endpoint, fixture, mode);
  });
});

/** Failures of one method that are told in full; the others are counted. */
const TOLD = 3;

/** Goes through the cases of one method. A world that a case has changed is not used for the next. */
async function goThrough(endpoint: AnyEndpoint, fixture: MethodFixture, mode: AuthMode): Promise<void> {
  const cases = casesOf(endpoint.name, fixture, mode);
  const least = EVERY_METHOD + EVERY_PARAMETER * Object.keys(fixture.parameters).length;
  expect(cases.length, "cases of this method").toBeGreaterThanOrEqual(least);
  const names = cases.map((c) => c.name);
  expect(names.filter((n, i) => names.indexOf(n) !== i)).toEqual([]);
  const failed: { name: string; got: unknown; wanted: unknown }[] = [];
  let used: Used | undefined;
  try {
    for (const c of cases) {
      used ??= await fresh(fixture, mode);
      const before = used.state;
      if (c.given !== undefined) {
        await c.given(used.world);
        used.state = await used.read();
        used.wrong = await booksWrong(used.world.db);
      }
      const { got, wanted } = await tryOut(c, used);
      if (!equals(got, wanted)) failed.push({ name: c.name, got, wanted });
      pairs += 1;
      if (Object.keys(difference(before, used.state)).length === 0) continue;
      const broken = (await booksWrong(used.world.db)).filter((w) => !used?.wrong.includes(w));
      if (broken.length > 0) failed.push({ name: `${c.name}: the books`, got: broken, wanted: [] });
      await used.world.close();
      used = undefined;
    }
  } finally {
    await used?.world.close();
  }
  gone += 1;
  const shown = failed.slice(0, TOLD);
  const as = (what: "got" | "wanted") => Object.fromEntries(shown.map((f) => [f.name, f[what]]));
  expect(as("got"), `${failed.length} of ${cases.length} cases fail`).toEqual(as("wanted"));
}

/** As toEqual compares, matchers and all. */
function equals(got: unknown, wanted: unknown): boolean {
  try {
    expect(got).toEqual(wanted);
    return true;
  } catch {
    return false;
  }
}

interface Used {
  world: World;
  read(): Promise<Fingerprint>;
  /** All tables as the last call has left them. */
  state: Fingerprint;
  /** What is not in order before any call: the rows that a method finds are written as they are, without their past. */
  wrong: string[];
}

/** By fixture: its worlds are alike. */
const wrongOf = new Map<MethodFixture, string[]>();

async function fresh(fixture: MethodFixture, mode: AuthMode): Promise<Used> {
  const world = await makeWorld(mode);
  await fixture.given?.(world);
  const read = await fingerprints(world.db);
  const wrong = wrongOf.get(fixture) ?? (await booksWrong(world.db));
  wrongOf.set(fixture, wrong);
  return { world, read, state: await read(), wrong };
}

/** What each call of a case is answered and has changed, and what it should. */
async function tryOut(c: Case, used: Used): Promise<{ got: unknown[]; wanted: unknown[] }> {
  // An interface of its own, so that no case uses up another's rates.
  const app = createApi(used.world.cloud, table);
  const send = async (ask: Ask) => {
    const answer = await app.request(toRequest(ask));
    const body = (await answer.json()) as Record<string, unknown>;
    const before = used.state;
    used.state = await used.read();
    return { status: answer.status, body, change: difference(before, used.state) };
  };
  const first = await send(c.ask);
  const got: unknown[] = [first];
  const wanted: unknown[] = [answerOf(c.expected)];
  if (c.again === undefined) return { got, wanted };
  got.push(await send(c.again.ask));
  // What changes nothing has the first one's answer, to the letter.
  const same = Object.keys(c.again.expected.change).length === 0;
  wanted.push(same ? { ...first, change: {} } : answerOf(c.again.expected));
  return { got, wanted };
}

/** Code, reason, data and the change, all of them. */
function answerOf(expected: Case["expected"]) {
  const message = expect.any(String);
  if ("http" in expected) {
    return { status: expected.http, body: { code: 999, message, data: [] }, change: {} };
  }
  if ("change" in expected) {
    return { status: 200, body: { code: 0, message, data: expected.data }, change: expected.change };
  }
  const { code, reason, says = "", data = [], serverTime } = expected;
  const body = { code, reason, message: expect.stringContaining(says), data, serverTime };
  return { status: 200, body, change: {} };
}
