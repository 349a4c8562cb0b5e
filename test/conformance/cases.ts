import {
  appUnknown,
  type Case,
  type Method,
  noSession,
  parameter,
  TIMESTAMP_FORM,
  wrongSignature,
  wrongTime,
} from "./case.ts";
import type { MethodFixture, Refusal } from "./fixture.ts";
import { hostile } from "./hostile.ts";
import { namesWithoutSession, objects, sessionCases } from "./identityCases.ts";
import { type Ask, asForm, asJson, members } from "./request.ts";
import type { Parameters, Sent } from "./signing.ts";
import { type AuthMode, apps, ME, NOW_S, sessions } from "./world.ts";

/** Every case of one method in one mode. */
export function casesOf(name: string, fixture: MethodFixture, mode: AuthMode): Case[] {
  const { side, auth } = fixture;
  const needs = auth === "login" || (auth === "session" && mode === "session");
  const session = auth === "login" ? sessions[side].fresh : sessions[side].mine;
  const method: Method = {
    name,
    mode,
    fixture,
    own: needs ? { ...fixture.own, session } : fixture.own,
    success: (mode === "documented" ? fixture.documented : undefined) ?? fixture.success,
    json: (own, signed = {}) => asJson(side, name, members(side, own, { signed })),
  };
  return [
    ...documented(method),
    ...wire(method),
    ...commonParameters(method),
    ...foreignApps(method),
    ...timestamps(method),
    ...signatures(method),
    ...sessionCases(method),
    ...namesWithoutSession(method),
    ...objects(method),
    ...ownParameters(method),
    ...repeats(method),
    ...order(method),
  ];
}

function documented({ name, fixture, own, success }: Method): Case[] {
  const { side } = fixture;
  const hex = members(side, own, { form: "hex" });
  return [
    { name: "as documented", ask: asJson(side, name, members(side, own)), expected: success },
    { name: "as documented, as a form", ask: asForm(side, name, members(side, own)), expected: success },
    { name: "signed in the long form", ask: asJson(side, name, hex), expected: success },
    {
      name: "numbers as texts",
      ask: asJson(side, name, members(side, { ...own, timestamp: String(NOW_S) })),
      expected: success,
    },
    {
      name: "a null enters the signature neither by name nor by value",
      ask: asJson(side, name, members(side, own, { after: { nothing: null } })),
      expected: success,
    },
  ];
}

function wire({ name, fixture, own }: Method): Case[] {
  const { side } = fixture;
  const good = asJson(side, name, members(side, own));
  const text = String(good.body);
  const noObject = parameter("the body is no JSON object");
  const twice = (from: string): Ask => ({ ...good, body: `${text.slice(0, -1)},${from}}` });
  const form = asForm(side, name, members(side, own));
  return [
    { name: "GET", ask: { ...good, verb: "GET" }, expected: { http: 405 } },
    { name: "plain text", ask: { ...good, contentType: "text/plain" }, expected: { http: 415 } },
    { name: "over 64 KiB", ask: { ...good, body: text + " ".repeat(65_536) }, expected: { http: 413 } },
    { name: "an empty body", ask: { ...good, body: "" }, expected: noObject },
    { name: "half a body", ask: { ...good, body: text.slice(0, -5) }, expected: noObject },
    { name: "a list", ask: { ...good, body: `[${text}]` }, expected: noObject },
    { name: "something after the object", ask: { ...good, body: `${text}{}` }, expected: noObject },
    {
      name: "no UTF-8",
      ask: { ...good, body: new Uint8Array([0x7b, 0xff, 0xfe, 0x7d]) },
      expected: parameter("the body is no UTF-8 text"),
    },
    {
      name: "appId twice",
      ask: twice(`"appId":"${apps[side].appId}"`),
      expected: parameter("appId is given twice"),
    },
    {
      name: "appId twice, spelt with an escape",
      ask: twice(`"\\u0061ppId":"${apps[side].appId}"`),
      expected: parameter("appId is given twice"),
    },
    {
      name: "appId twice, in a form",
      ask: { ...form, body: `${String(form.body)}&appId=${apps[side].appId}` },
      expected: parameter("appId is given twice"),
    },
  ];
}

function commonParameters({ name, fixture, own, json }: Method): Case[] {
  const { side } = fixture;
  const cases: Case[] = [];
  const unsigned = (change: Parameters): Ask => asJson(side, name, members(side, own, { after: change }));
  for (const common of ["appId", "appKey", "timestamp", "signature"]) {
    const missing = parameter(`${common}: missing`);
    const send = (value: Sent): Ask =>
      common === "signature" ? unsigned({ signature: value }) : json(own, { [common]: value });
    cases.push({ name: `${common} null`, ask: send(null), expected: missing });
    cases.push({ name: `${common} empty`, ask: send(""), expected: missing });
    const without = Object.entries(members(side, own)).filter(([n]) => n !== common);
    cases.push({
      name: `${common} missing`,
      ask: asJson(side, name, Object.fromEntries(without)),
      expected: missing,
    });
    for (const value of [[], {}, [NOW_S]]) {
      const expected = parameter(`${common} is one text or number`);
      cases.push({ name: `${common} ${JSON.stringify(value)}`, ask: send(value), expected });
    }
    const wrong = {
      appId: appUnknown,
      appKey: appUnknown,
      timestamp: TIMESTAMP_FORM,
      signature: wrongSignature,
    };
    const refused = wrong[common as keyof typeof wrong];
    cases.push({ name: `${common} true`, ask: send(true), expected: refused });
    for (const [kind, value] of Object.entries(hostile)) {
      const digits = common === "timestamp" && kind === "leadingZero";
      cases.push({
        name: `${common} hostile: ${kind}`,
        ask: send(value),
        expected: digits ? wrongTime : refused,
      });
    }
  }
  const mayBeUnknown = ["nonsense", "__proto__", "constructor", "Session", "userTo", "toString"];
  for (const unknown of mayBeUnknown.filter((n) => !Object.hasOwn(fixture.parameters, n))) {
    const signed = Object.fromEntries([[unknown, "1"]]);
    const expected = parameter(`${unknown}: unknown to ${name}`);
    cases.push({ name: `unknown parameter ${unknown}`, ask: json(own, signed), expected });
  }
  const strange = "a parameter: unknown to";
  cases.push({
    name: "unknown parameter that must not stand in a message",
    ask: json(own, { "<script>\n": "1" }),
    expected: parameter(strange),
  });
  const other = side === "user" ? "manager" : "user";
  if (!Object.hasOwn(fixture.parameters, other)) {
    cases.push({
      name: "the other side's name of a caller",
      ask: json(own, { [other]: ME }),
      expected: parameter(`${other}: unknown to ${name}`),
    });
  }
  return cases;
}

function foreignApps({ name, fixture, own }: Method): Case[] {
  const { side } = fixture;
  const foreign = apps[side === "user" ? "manager" : "user"];
  const { appId, appKey } = apps[side];
  const cases: [string, Parameters, string?][] = [
    ["the other side's app", { appId: foreign.appId, appKey: foreign.appKey }, foreign.jamCode],
    ["the other side's app, signed with our jam code", { appId: foreign.appId, appKey: foreign.appKey }],
    ["the other side's appId", { appId: foreign.appId }],
    ["the other side's appKey", { appKey: foreign.appKey }],
    ["an unknown appId", { appId: "93102a5ae9b3f9ab323133b3ae0da4eb" }],
    ["a prefix of the appId", { appId: appId.slice(0, -1) }],
    ["a prefix of the appKey", { appKey: appKey.slice(0, -1) }],
    ["an appId with something after it", { appId: `${appId}0` }],
    ["an appKey with something after it", { appKey: `${appKey}0` }],
    ["an appKey in capitals", { appKey: appKey.toUpperCase() }],
    ["appId and appKey exchanged", { appId: appKey, appKey: appId }],
  ];
  return cases.map(([what, signed, jamCode]) => ({
    name: `wrong app: ${what}`,
    ask: asJson(side, name, members(side, own, { signed, ...(jamCode !== undefined && { jamCode }) })),
    expected: appUnknown,
  }));
}

function timestamps({ own, success, json }: Method): Case[] {
  const at = (timestamp: Sent): Ask => json(own, { timestamp });
  return [
    { name: "timestamp 300 s old", ask: at(NOW_S - 300), expected: success },
    { name: "timestamp 300 s ahead", ask: at(NOW_S + 300), expected: success },
    { name: "timestamp 301 s old", ask: at(NOW_S - 301), expected: wrongTime },
    { name: "timestamp 301 s ahead", ask: at(NOW_S + 301), expected: wrongTime },
    { name: "timestamp 0", ask: at(0), expected: wrongTime },
    { name: "timestamp of a year ago", ask: at(NOW_S - 31_536_000), expected: wrongTime },
    { name: "timestamp in milliseconds", ask: at(NOW_S * 1000), expected: TIMESTAMP_FORM },
    { name: "timestamp with a fraction", ask: at(NOW_S + 0.5), expected: TIMESTAMP_FORM },
    { name: "timestamp below zero", ask: at(-NOW_S), expected: TIMESTAMP_FORM },
  ];
}

function signatures({ name, fixture, own }: Method): Case[] {
  const { side } = fixture;
  const body = members(side, own);
  const right = String(body.signature);
  const first = right.startsWith("A") ? "B" : "A";
  const last = right.at(-3) === "A" ? "Q" : "A";
  const foreign = apps[side === "user" ? "manager" : "user"].jamCode;
  const wrong: [string, Parameters][] = [
    ["another jam code's", { signature: members(side, own, { jamCode: foreign }).signature ?? "" }],
    ["no jam code", { signature: members(side, own, { jamCode: "" }).signature ?? "" }],
    ["its first character altered", { signature: first + right.slice(1) }],
    ["its last character altered", { signature: `${right.slice(0, -3)}${last}==` }],
    ["a prefix of it", { signature: right.slice(0, 12) }],
    ["without its padding", { signature: right.slice(0, 22) }],
    ["something after it", { signature: `${right}A` }],
    ["in small letters", { signature: right.toLowerCase() }],
    [
      "another call's",
      { signature: members(side, own, { signed: { timestamp: NOW_S - 1 } }).signature ?? "" },
    ],
    ["a parameter added afterwards", { session: sessions[side].others }],
    ["the timestamp altered afterwards", { timestamp: NOW_S - 1 }],
  ];
  return wrong.map(([what, after]) => ({
    name: `wrong signature: ${what}`,
    ask: asJson(side, name, members(side, own, { after })),
    expected: wrongSignature,
  }));
}

function ownParameters({ mode, fixture, own, success, json }: Method): Case[] {
  const cases: Case[] = [];
  for (const [name, of] of Object.entries(fixture.parameters)) {
    const base = { ...own, ...of.base };
    const refused = (mode === "documented" ? of.refusedDocumented : undefined) ?? of.refused;
    const missing = of.missing === "optional" ? success : of.missing;
    const { [name]: _, ...without } = base;
    cases.push({ name: `${name} missing`, ask: json(without), expected: missing });
    cases.push({ name: `${name} null`, ask: json(base, { [name]: null }), expected: missing });
    cases.push({ name: `${name} empty`, ask: json(base, { [name]: "" }), expected: missing });
    for (const value of [[], {}, ["1"]]) {
      const expected = parameter(`${name} is one text or number`);
      cases.push({ name: `${name} ${JSON.stringify(value)}`, ask: json(base, { [name]: value }), expected });
    }
    for (const value of [true, false]) {
      const form = parameter(`${name}: a text or a number`);
      const expected = refused.reason === "PARAMETER" ? form : refused;
      cases.push({ name: `${name} ${value}`, ask: json(base, { [name]: value }), expected });
    }
    for (const [group, values] of [
      ["wrong type", of.wrongType],
      ["out of range", of.outOfRange],
    ] as const) {
      for (const bad of values) {
        const [value, expected] = Array.isArray(bad) ? (bad as [Sent, Refusal]) : [bad as Sent, refused];
        const shown = JSON.stringify(value);
        cases.push({ name: `${name} ${group}: ${shown}`, ask: json(base, { [name]: value }), expected });
      }
    }
    for (const value of of.accepted ?? []) {
      const shown = JSON.stringify(value);
      cases.push({ name: `${name} too: ${shown}`, ask: json(base, { [name]: value }), expected: success });
    }
    for (const [kind, value] of Object.entries(hostile)) {
      const inForm = of.hostileInForm?.names.some((n) => n === kind) === true;
      const expected = inForm ? of.hostileInForm?.expected(value) : refused;
      const ask = json(base, { [name]: value });
      cases.push({ name: `${name} hostile: ${kind}`, ask, expected: expected ?? refused });
    }
  }
  return cases;
}

function repeats({ name, fixture, own, success }: Method): Case[] {
  const { side } = fixture;
  const expected = fixture.repeat ?? { data: success.data, change: {} };
  const repeated = (second: Ask, what: string): Case => ({
    name: what,
    ask: asJson(side, name, members(side, own)),
    expected: success,
    again: { ask: second, expected },
  });
  return [
    repeated(asJson(side, name, members(side, own)), "the same signed request once more"),
    repeated(asForm(side, name, members(side, own)), "once more, as a form"),
    repeated(asJson(side, name, members(side, own, { form: "hex" })), "once more, signed in the long form"),
  ];
}

/** Form, app, timestamp, signature, identity, the method's own parameters: with two things wrong the earlier one is named. */
function order({ name, mode, fixture, own, json }: Method): Case[] {
  const { side, auth } = fixture;
  const old = { timestamp: NOW_S - 301 };
  const cases: Case[] = [
    { name: "form before app", ask: json(own, { appId: "no", timestamp: "x" }), expected: TIMESTAMP_FORM },
    { name: "app before timestamp", ask: json(own, { ...old, appId: "no" }), expected: appUnknown },
    {
      name: "timestamp before signature",
      ask: asJson(side, name, members(side, own, { after: old })),
      expected: wrongTime,
    },
    {
      name: "signature before identity",
      ask: asJson(side, name, members(side, own, { after: { session: "sessionOfNoOne" } })),
      expected: wrongSignature,
    },
    {
      name: "identity before an unknown parameter",
      ask: json(own, { session: "sessionOfNoOne", nonsense: "1" }),
      expected: noSession,
    },
  ];
  if (auth === "session" && mode === "session") {
    const bad = Object.fromEntries(Object.keys(fixture.own).map((n) => [n, "~"]));
    cases.push({ name: "identity before the parameters", ask: json(bad), expected: noSession });
  }
  return cases;
}
