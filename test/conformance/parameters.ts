import { parameter } from "./case.ts";
import type { BadValue, Expected, ObjectCase, ParameterCases, Refusal } from "./fixture.ts";
import type { HostileName } from "./hostile.ts";
import type { Sent } from "./signing.ts";

/**
 * How the parameters that many methods have are gone through, from spec 2 alone. A fixture takes one by name and says
 * what is its own with a spread: `money: { ...yuan("money"), outOfRange: […] }`.
 */

export const SESSION: Refusal = { code: 4, reason: "SESSION" };
export const NOT_YOURS: Refusal = { code: 5, reason: "NOT_YOURS" };
export const DEVICE_UNKNOWN: Refusal = { code: 3, reason: "DEVICE_UNKNOWN" };

/** One text or number in the form given, in the words of the refusal. */
function inForm(
  name: string,
  form: string,
  bad: { wrongType: readonly BadValue[]; outOfRange: readonly BadValue[] },
): ParameterCases {
  return { refused: parameter(`${name}: ${form}`), missing: parameter(`${name}: missing, ${form}`), ...bad };
}

/** Who calls, by phone number: whatever else is sent is not whose the session is. */
export const caller = (name: "user" | "manager" | "userFrom"): ParameterCases => ({
  ...phone(name),
  refused: SESSION,
});

/** Somebody who need not call. */
export const phone = (name: string): ParameterCases =>
  inForm(name, "11 digits beginning with 1", {
    wrongType: [13800000001.5, "me"],
    outOfRange: ["1380000000", "138000000011", "23800000001", "00000000000"],
  });

export const orderId: ParameterCases = inForm("orderId", "9 and 13 digits", {
  wrongType: [9000179531430.5, "order"],
  outOfRange: ["9000179531430", "900017953143000", "80001795314300", "9000179531430a"],
});

/** Where nobody is named: in documented mode the order says who calls, before its form is looked at. */
export const orderIdThatNamesTheCaller: ParameterCases = { ...orderId, refusedDocumented: NOT_YOURS };

export const deviceCode: ParameterCases = {
  ...inForm("deviceCode", "8 letters or digits", {
    wrongType: [1234567, 1234567.5],
    outOfRange: ["PHONED0", "PHONED011", "PHONED0!", "PHONED0一", " PHONED01"],
  }),
  // Infinity has eight letters.
  hostileInForm: { names: ["infinite"], expected: () => DEVICE_UNKNOWN },
};

/** Plain digits; of a flag `low` 0 and `high` 1. */
export const whole = (name: string, low: number, high: number): ParameterCases =>
  inForm(name, `a whole number from ${low} to ${high}`, {
    wrongType: [low + 0.5, "one"],
    outOfRange: [-1, low - 1, high + 1, high + 2 ** 32],
  });

/** A purchase of coins, which says who calls where nobody is named. */
export const payIdThatNamesTheCaller: ParameterCases = {
  ...inForm("payId", "P and 10 digits", {
    wrongType: [10001314600.5, "purchase"],
    outOfRange: ["P000131460", "P00013146000", "p0001314600", "00001314600", "P000131460a"],
  }),
  refusedDocumented: NOT_YOURS,
};

export const yuan = (name: string): ParameterCases =>
  inForm(name, "yuan from 0 to 999.99 with at most two decimals", {
    wrongType: ["three"],
    outOfRange: ["1000", "3.001", "-3.00", "03.00", "3.", ".5"],
  });

/** What WeChat gives out; `answer` is what a code gets that has the form and is none of WeChat's. */
export const visible = (name: string, max: number, answer: Refusal): ParameterCases => ({
  ...inForm(name, `1 to ${max} visible ASCII characters`, {
    wrongType: [[17, answer], "一"],
    outOfRange: ["x".repeat(max + 1), " ", "a b", ["x".repeat(max), answer]],
  }),
  hostileInForm: { names: VISIBLE, expected: () => answer },
});

/** A name that a person or a thing is given: nearly everything is one, and is kept as it is. */
export const givenName = (name: string, named: (value: string) => Expected): ParameterCases => ({
  ...inForm(name, "1 to 32 characters", {
    wrongType: ["\t", "a\u0007b"],
    outOfRange: [
      ...["   ", "一".repeat(33), "a".repeat(33), "a\u2028b", "a\u2029b"],
      ...["\u2800", "\u0301", "a\u200db", "a\u00adb"],
    ],
  }),
  hostileInForm: { names: NAMES, expected: (value) => named(value.trim()) },
});

const DATE = "yyyyMMddHHmmss, yyyyMMdd or YYYY-MM-DD[ HH:MM:SS], a date that exists";

/** One end of a span of time. `accepted` are other ways to say the documented call's. */
export const date = (name: string, accepted: readonly Sent[] = []): ParameterCases => ({
  ...inForm(name, DATE, {
    wrongType: [2026.5, "today"],
    outOfRange: ["20260230", "2026-13-01", "20261122 103000", "2026112210300", "20261122250000"],
  }),
  accepted,
});

/** The two that cut a page out of a list; more than 100 at once are cut to 100. */
export const page: Record<"startIndex" | "pageSize", ParameterCases> = {
  startIndex: {
    refused: parameter("startIndex: "),
    missing: parameter("startIndex: "),
    wrongType: [0.5, "first"],
    outOfRange: [-1, 2 ** 53],
  },
  pageSize: {
    refused: parameter("pageSize: "),
    missing: parameter("pageSize: "),
    wrongType: [1.5, "all"],
    outOfRange: [0, -1],
    accepted: [100, 101, 1000],
  },
};

/** Several of one form, with commas between them: one bad one refuses all. `good` are two of them, `bad` is in no form. */
export const several = (name: string, good: readonly [string, string], bad: string): ParameterCases => ({
  refused: parameter(`${name}: `),
  missing: parameter(`${name}: missing`),
  wrongType: [1.5, bad],
  outOfRange: [
    ",",
    `${good[0]},`,
    `,${good[0]}`,
    `${good[0]},,${good[1]}`,
    `${good[0]}, ${good[1]}`,
    `${good[0]};${good[1]}`,
    `${good[0]},${bad}`,
  ],
});

/** Chargers that are no business of the caller's, as a text or a list. */
export const foreignDevices = (name: "deviceCode" | "deviceCodeList"): readonly ObjectCase[] => [
  { name: "another's charger", by: "another", own: {}, expected: NOT_YOURS },
  {
    name: "a charger that nobody manages",
    by: "me",
    own: { [name]: "LONELY01" },
    expected: NOT_YOURS,
  },
  {
    name: "a charger that does not exist",
    by: "me",
    own: { [name]: "NOTHING1" },
    expected: NOT_YOURS,
  },
];

/** Orders that are no business of the caller's; the fixture gives mine, 90001795314300. */
export const foreignOrders: readonly ObjectCase[] = [
  { name: "another's order", by: "another", own: {}, expected: NOT_YOURS },
  {
    name: "an order that does not exist",
    by: "me",
    own: { orderId: "90001795314301" },
    expected: NOT_YOURS,
  },
];

export const unknownDevices: readonly ObjectCase[] = [
  {
    name: "a charger that does not exist",
    by: "me",
    own: { deviceCode: "NOTHING1" },
    expected: DEVICE_UNKNOWN,
  },
  {
    name: "a charger in small letters",
    by: "me",
    own: { deviceCode: "phoned01" },
    expected: DEVICE_UNKNOWN,
  },
];

export const NAMES_THE_CALLER_ONLY =
  "it names the caller only: another's name stands among the cases of the session";

/** Hostile values of visible ASCII alone. */
const VISIBLE: readonly HostileName[] = [
  "markup",
  "path",
  "template",
  "prototype",
  "exponent",
  "hexadecimal",
  "plus",
  "negative",
  "leadingZero",
  "notANumber",
  "infinite",
  "beyondDouble",
  "json",
];

/** Hostile values that may be somebody's name. */
const NAMES: readonly HostileName[] = [
  ...VISIBLE,
  "sql",
  "sqlStatement",
  "trailingLineEnd",
  "wideDigits",
  "arabicDigits",
  "leadingBlank",
];
