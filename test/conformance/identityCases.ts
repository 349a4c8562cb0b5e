import { type Case, type Method, noSession, parameter } from "./case.ts";
import { hostile } from "./hostile.ts";
import type { Parameters } from "./signing.ts";
import { ME, NOBODY, OTHER, sessions } from "./world.ts";

const nameOfCaller = { user: "user", manager: "manager" } as const;
const phones = {
  user: { me: ME, other: OTHER },
  manager: { me: "13900000001", other: "13900000002" },
} as const;

/** Calls with a session hold in both modes: whose it is, is always checked. */
export function sessionCases({ mode, fixture, own, success, json }: Method): Case[] {
  const { side, auth } = fixture;
  const here = sessions[side];
  const there = sessions[side === "user" ? "manager" : "user"];
  const named = nameOfCaller[side];
  const { me, other } = phones[side];
  const base = fixture.own;
  const bad: [string, Parameters][] = [
    ["an unknown session", { session: "sessionOfNoOne" }],
    ["a prefix of the session", { session: here.mine.slice(0, -1) }],
    ["the session in capitals", { session: here.mine.toUpperCase() }],
    ["the session with a blank", { session: ` ${here.mine}` }],
    ["a session of the other side", { session: there.mine }],
    ["an expired session", { session: here.expired }],
    ["a session that is true", { session: true }],
    ["a session that is a number", { session: 1 }],
    ["another's session, naming me", { session: here.others, [named]: me }],
    ["my session, naming another", { session: here.mine, [named]: other }],
    ["my session, naming nobody known", { session: here.mine, [named]: NOBODY }],
    ...Object.entries(hostile).map(([kind, session]): [string, Parameters] => [
      `a hostile session: ${kind}`,
      { session },
    ]),
  ];
  const cases: Case[] = bad.map(([name, signed]) => ({ name, ask: json(base, signed), expected: noSession }));
  if (side === "user") {
    cases.push({
      name: "userFrom that is another, where the method does not know it",
      ask: json(base, { session: here.mine, userFrom: other }),
      expected: noSession,
    });
  }
  for (const session of [[], {}, [here.mine]]) {
    const expected = parameter("session is one text or number");
    cases.push({ name: `session ${JSON.stringify(session)}`, ask: json(base, { session }), expected });
  }
  if (auth === "session") {
    const fresh = json(base, { session: here.fresh });
    cases.push({ name: "a session without a phone number", ask: fresh, expected: noSession });
    const expected = fixture.success;
    cases.push({ name: "with my session", ask: json(base, { session: here.mine }), expected });
    const both = json(base, { session: here.mine, [named]: me });
    cases.push({ name: "with my session, naming me", ask: both, expected });
  }
  if (auth === "open") {
    const expected = fixture.withSession ?? success;
    cases.push({ name: "with my session", ask: json(base, { session: here.mine }), expected });
  }
  if (auth !== "open" && (mode === "session" || auth === "login")) {
    cases.push({ name: "no session", ask: json(base), expected: noSession });
    cases.push({ name: "an empty session", ask: json(base, { session: "" }), expected: noSession });
    cases.push({ name: "a session that is null", ask: json(base, { session: null }), expected: noSession });
    const naming = json(base, { [named]: me });
    cases.push({ name: "no session, naming me", ask: naming, expected: noSession });
  }
  if (fixture.pending !== undefined) {
    cases.push({
      name: "a manager who is not approved yet",
      given: async ({ db }) => {
        await db.updateTable("manager_info").set({ approved: 0 }).execute();
      },
      ask: json(own),
      expected: fixture.pending === "allowed" ? success : { code: 5, reason: "MANAGER_PENDING" },
    });
  }
  return cases;
}

/** Documented mode takes a call without a session as the person it names, if there is such a person. */
export function namesWithoutSession({ mode, fixture, json }: Method): Case[] {
  const { side, auth, own } = fixture;
  const named = nameOfCaller[side];
  const { me, other } = phones[side];
  if (mode === "session") {
    if (auth !== "open") return [];
    const ask = json(own, { [named]: me });
    return [{ name: "open, naming me without a session", ask, expected: noSession }];
  }
  if (auth !== "session") return [];
  const unknown: [string, string][] = [["nobody known", NOBODY], ...Object.entries(hostile)];
  const cases: Case[] = unknown.map(([what, phone]) => ({
    name: `without a session, naming ${what}`,
    ask: json(own, { [named]: phone }),
    expected: noSession,
  }));
  if (side === "user") {
    const two = json(own, { user: me, userFrom: other });
    cases.push({ name: "without a session, naming two", ask: two, expected: noSession });
  }
  const empty = json(own, { session: "" });
  const expected = fixture.documented ?? fixture.success;
  cases.push({ name: "an empty session counts as none", ask: empty, expected });
  return cases;
}

export function objects({ mode, fixture, json }: Method): Case[] {
  if (typeof fixture.objects === "string") return [];
  const { side, auth } = fixture;
  const cases: Case[] = [];
  for (const { name, by, own, expected } of fixture.objects) {
    const session = by === "me" ? sessions[side].mine : sessions[side].others;
    const phone = by === "me" ? phones[side].me : phones[side].other;
    const all = { ...fixture.own, ...own };
    const caller = nameOfCaller[side] in all ? { [nameOfCaller[side]]: phone } : {};
    cases.push({ name, ask: json(all, { ...caller, session }), expected });
    if (mode === "documented" && auth === "session") {
      const ask = json(all, { [nameOfCaller[side]]: phone });
      cases.push({ name: `${name}, without a session`, ask, expected });
    }
  }
  return cases;
}
