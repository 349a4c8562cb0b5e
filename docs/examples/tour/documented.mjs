// Holds what came against what is documented; the first difference ends the program.
import { cloud, path } from "./client.mjs";

const described = await (await fetch(`${cloud}/openapi.json`)).json();

/** Where a value is not what is wanted: a literal, a form, a condition, or a list or the named members of these. */
export function difference(wanted, came, at = "answer") {
  if (typeof wanted === "function") return wanted(came) ? undefined : `${at}: ${wanted}`;
  if (wanted instanceof RegExp)
    return typeof came === "string" && wanted.test(came) ? undefined : `${at}: ${wanted}`;
  const text = JSON.stringify(wanted) ?? "absent";
  if (typeof wanted !== "object" || wanted === null)
    return Object.is(wanted, came) ? undefined : `${at}: ${text}`;
  if (typeof came !== "object" || came === null) return `${at}: ${text}`;
  if (Array.isArray(wanted) && wanted.length !== came.length) return `${at}: ${wanted.length} in a list`;
  for (const [name, value] of Object.entries(wanted)) {
    const found = difference(value, came[name], `${at}.${name}`);
    if (found) return found;
  }
  return undefined;
}

function kindOf(value) {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return Number.isInteger(value) ? "integer" : typeof value;
}

/** Where a value is not of the form that /openapi.json gives it: no member more, and none less. */
function misfit(form, value, at) {
  if (form.$ref) return misfit(described.components.schemas[form.$ref.split("/").pop()], value, at);
  if (form.anyOf) {
    const found = form.anyOf.map((each) => misfit(each, value, at));
    return found.includes(undefined) ? undefined : found.join(", or ");
  }
  const kind = kindOf(value);
  const kinds = kind === "integer" ? [undefined, "integer", "number"] : [undefined, kind];
  if (!kinds.includes(form.type)) return `${at}: ${form.type}`;
  if ("const" in form && form.const !== value) return `${at}: ${form.const}`;
  if (form.enum && !form.enum.includes(value)) return `${at}: one of ${form.enum}`;
  if (value < form.minimum || value > form.maximum) return `${at}: ${form.minimum} to ${form.maximum}`;
  if (kind === "array") {
    if (value.length > form.maxItems) return `${at}: at most ${form.maxItems}`;
    return value.map((each, i) => misfit(form.items ?? {}, each, `${at}.${i}`)).find(Boolean);
  }
  if (kind !== "object") return undefined;
  const missing = form.required?.find((each) => !(each in value));
  if (missing) return `${at}.${missing}: present`;
  for (const [member, each] of Object.entries(value)) {
    const known = form.properties?.[member];
    if (!known && form.additionalProperties === false) return `${at}.${member}: absent`;
    const found = known && misfit(known, each, `${at}.${member}`);
    if (found) return found;
  }
  return undefined;
}

/** The codes of the reasons that every method may answer; the others stand with their method. */
const common = { PARAMETER: 3, APP_UNKNOWN: 4, TIMESTAMP: 1, SIGNATURE: 2, SESSION: 4 };

const called = new Set();
/** How many of the documented methods have been called, and how many there are. */
export const methods = () => `${called.size} of ${Object.keys(described.paths).length} methods`;

/** Where an answer is not one that /openapi.json describes for the method. */
export function undescribed(side, method, answer) {
  const operation = described.paths[path(side, method)]?.post;
  if (!operation) return `${path(side, method)}: described`;
  called.add(path(side, method));
  const { reason } = answer;
  const known = operation["x-reasons"][reason] ?? { code: common[reason], message: answer.message };
  if (reason && known.code !== answer.code) return `code of ${reason}: ${known.code ?? "none here"}`;
  if (reason && known.message !== answer.message) return `message of ${reason}: ${known.message}`;
  return misfit(operation.responses["200"].content["application/json"].schema, answer, "answer");
}

let sentence = "";
/** What the documents say about the steps that follow. */
export function documents(says) {
  sentence = says;
}

let steps = 0;
export const taken = () => steps;

/** Counts a step that is as documented; ends the program at one that is not. */
export function check(who, what, found, came) {
  if (found) {
    console.error(`\nDIFFERS    step ${steps + 1}, ${who}: ${what}\ndocuments  ${sentence}`);
    console.error(`so wanted  ${found}\nbut came   ${JSON.stringify(came)}`);
    process.exit(1);
  }
  steps += 1;
  console.log(`${String(steps).padStart(3)}  ${who.padEnd(9)}  ${what.padEnd(20)}  ${sentence}`);
}
