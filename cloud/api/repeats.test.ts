import { seconds } from "@bluepower/protocol/clock";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loopTable, type Seen } from "./loopTable.ts";
import { type Scenario, scenario } from "./scenario.ts";

const USER = "13800000001";
const OTHER = "13800000002";

let seen: Seen;
let s: Scenario;
let session: string;
beforeEach(async () => {
  seen = { ran: [], gate: Promise.resolve() };
  s = await scenario({ table: loopTable(seen) });
  ({ session } = await s.person("user", USER));
});
afterEach(() => s.close());

const now = (): number => Math.floor(s.clock.now() / 1000);

describe("exactly once", () => {
  const count = async (): Promise<number> => (await s.db.selectFrom("setting").selectAll().execute()).length;
  const put = (own: Record<string, string> = {}) =>
    s.call("user", "putSetting", { session, name: "a", ...own }, { timestamp: now() });

  test("a repeat gets the answer of the first and changes nothing", async () => {
    const first = await put();
    const rows = await s.rows();
    expect(await put()).toEqual(first);
    expect(seen.ran).toEqual(["putSetting"]);
    expect(await s.rows()).toEqual(rows);
  });

  test("the same call with the other form of its signature is a repeat", async () => {
    const body = s.signed("user", { session, name: "a" });
    const raw = Buffer.from(String(body.signature), "base64");
    const hex = { ...body, signature: Buffer.from(raw.toString("hex")).toString("base64") };
    for (const one of [body, hex]) {
      expect(await (await s.send("user", "putSetting", JSON.stringify(one))).json()).toMatchObject({
        code: 0,
      });
    }
    expect(seen.ran).toEqual(["putSetting"]);
  });

  test("two at the same time are one", async () => {
    const [a, b] = await Promise.all([put(), put()]);
    expect(a).toEqual(b);
    expect(seen.ran).toEqual(["putSetting"]);
    expect(await count()).toBe(1);
  });

  test("another second is another call", async () => {
    await put();
    await s.clock.advance(seconds(1));
    expect(await put({ name: "b" })).toMatchObject({ code: 0 });
    expect(await count()).toBe(2);
  });

  test("a refusal is not kept: the call may succeed later", async () => {
    await s.db.insertInto("setting").values({ name: "a", value: "" }).execute();
    expect(await put()).toMatchObject({ code: 999 });
    await s.db.deleteFrom("setting").execute();
    expect(await put()).toMatchObject({ code: 0 });
  });

  test("reads are never kept", async () => {
    const own = { session };
    await s.call("user", "getEcho", own, { timestamp: now() });
    await s.call("user", "getEcho", own, { timestamp: now() });
    expect(seen.ran).toEqual(["getEcho", "getEcho"]);
    expect((await s.rows()).answered_call).toEqual([]);
  });

  test("a method of several steps: a repeat goes through them again with the stored value, one at the same time joins", async () => {
    let open: () => void = () => {};
    seen.gate = new Promise((resolve) => {
      open = resolve;
    });
    const steps = () => s.call("user", "runSteps", { session, name: "a" }, { timestamp: now() });
    const both = Promise.all([steps(), steps()]);
    // Enough turns of the event loop for both calls to come to the gate, were there two.
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(seen.ran).toEqual(["runSteps"]);
    open();
    const [a, b] = await both;
    expect(a).toMatchObject({ data: [{ name: "a", repeat: false }] });
    expect(b).toEqual(a);
    expect(await steps()).toMatchObject({ data: [{ name: "a", repeat: true }] });
    expect(await count()).toBe(1);
  });

  test("answers are forgotten after 15 minutes", async () => {
    await put();
    await s.clock.advance(seconds(14 * 60));
    await put({ name: "b" });
    expect((await s.rows()).answered_call).toHaveLength(2);
    await s.clock.advance(seconds(61));
    await put({ name: "c" });
    expect((await s.rows()).answered_call).toHaveLength(2);
  });

  test("another method with the same parameters, and so with the same signature, is another call", async () => {
    await put();
    await s.db.deleteFrom("setting").execute();
    expect(await s.call("user", "runSteps", { session, name: "a" }, { timestamp: now() })).toMatchObject({
      code: 0,
      data: [{ name: "a", repeat: false }],
    });
    expect([seen.ran, await count()]).toEqual([["putSetting", "runSteps"], 1]);
  });

  test("a repeat under another app or session is another call", async () => {
    await put();
    const other = await s.person("user", OTHER);
    expect(await put({ ...other, name: "b" })).toMatchObject({ code: 0 });
    expect(seen.ran).toHaveLength(2);
  });
});

describe("rates (HTTP 429)", () => {
  const read = async (own: Record<string, string> = { session }, method = "getEcho") =>
    await s.send("user", method, JSON.stringify(s.signed("user", own)));
  const statuses = async (n: number, call: () => Promise<Response>): Promise<number[]> => {
    const all: number[] = [];
    for (let i = 0; i < n; i++) all.push((await call()).status);
    return all;
  };

  test("300 calls a minute and session; another session is not held back, the next minute is free", async () => {
    expect(new Set(await statuses(300, read))).toEqual(new Set([200]));
    const answer = await read();
    expect(answer.status).toBe(429);
    expect(answer.headers.get("retry-after")).toBe("60");
    const other = await s.person("user", OTHER);
    expect((await read(other)).status).toBe(200);
    await s.clock.advance(seconds(60));
    expect((await read()).status).toBe(200);
  });

  test("60 of them move money", async () => {
    let n = 0;
    const change = () => read({ session, name: `n${n++}` }, "putSetting");
    expect(await statuses(61, change)).toEqual([...Array(60).fill(200), 429]);
    expect((await read()).status).toBe(200);
  });

  test("a person whom documented mode takes at their word is held to the same as a session", async () => {
    await s.close();
    s = await scenario({ table: loopTable(seen), config: { authMode: "documented" } });
    for (const user of [USER, OTHER]) await s.person("user", user);
    let n = 0;
    const change = () => read({ user: USER, name: `n${n++}` }, "putSetting");
    expect(await statuses(61, change)).toEqual([...Array(60).fill(200), 429]);
    expect(await statuses(240, () => read({ user: USER }))).toEqual([...Array(239).fill(200), 429]);
    expect((await read({ user: OTHER, name: "other" }, "putSetting")).status).toBe(200);
  });

  test("a wrong signature does not use up anybody's session", async () => {
    const body = JSON.stringify({ ...s.signed("user", { session }), signature: "x" });
    for (let i = 0; i < 301; i++) await s.send("user", "getEcho", body);
    expect((await read()).status).toBe(200);
  });

  test("3,000 calls a minute and address", async () => {
    for (let i = 0; i < 3000; i++) await s.send("user", "getEcho", "{}");
    expect((await s.send("user", "getEcho", "{}")).status).toBe(429);
  });
});
