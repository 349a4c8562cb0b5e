import { commonReasons } from "./endpoint.ts";
import examples from "./examples.json" with { type: "json" };
import { reasons } from "./reasons.ts";

/** The examples' secrets; those of a running system are its own. */
export const EXAMPLE_JAM_CODES = {
  user: "ExampleJamCodeOfUsers0123456789a",
  manager: "ExampleJamCodeOfManagers01234567",
} as const;

/** A part of what somebody reads before the methods; `code` is shown as it is typed. */
export interface Section {
  title: string;
  parts: readonly ({ text: string } | { code: string })[];
}

const { signature, ...signed } = examples.getDeviceInfo.call;
const signedText = Object.entries(signed)
  .toSorted(([a], [b]) => (a < b ? -1 : 1))
  .map(([name, value]) => name + value)
  .join("");

export const sections: readonly Section[] = [
  {
    title: "Calls",
    parts: [
      {
        text: `Every call is a POST of a JSON object, or of a form, whose members are texts or numbers. It is answered with HTTP
200 and {"code", "message", "data"}: code 0 is done, and data is a list or a page. Otherwise data is empty, message is a sentence
for a person and reason a stable word for a program. Other statuses are for what never reaches a method.`,
      },
      {
        text: `Codes: 0 success, 1 timestamp, 2 signature, 3 parameter, 4 identity not certified, 5 not allowed, 6 device or port
occupied, 999 unknown. Checks run in this order: form, app, timestamp, signature, identity, permission, the method's own parameters,
business. A parameter that the method does not know is refused.`,
      },
      {
        text: `Reasons that every method may answer, with their codes: ${commonReasons.map((r) => `${r} ${reasons[r].code}`).join(", ")}.
The others stand with the method.`,
      },
    ],
  },
  {
    title: "Signature",
    parts: [
      {
        text: `All parameters but signature, sorted by name in ASCII order and joined as name, value, name, value …; the app's jam
code appended; MD5; base64 of the 16 bytes (of the 32 hex characters is taken, too). The value is the text as sent, of a JSON number
its literal. What is null is left out; an empty text enters by its name and counts as absent.`,
      },
      {
        text: `The examples are signed with the jam code ${EXAMPLE_JAM_CODES.user}, those of managers with
${EXAMPLE_JAM_CODES.manager}. That of getDeviceInfo, to be tried in a shell:`,
      },
      {
        code: `printf %s '${signedText}${EXAMPLE_JAM_CODES.user}' | openssl md5 -binary | base64
${signature}`,
      },
    ],
  },
  {
    title: "Who calls",
    parts: [
      {
        text: `The login answers a session, which getUserPhone or getManagerPhone binds to a phone number; user or manager must be
that number. Session and person may stand on every call and must agree. An object of somebody else is answered like one that does
not exist: NOT_YOURS.`,
      },
    ],
  },
  {
    title: "Exactly once",
    parts: [
      {
        text: `A change that is sent again within 15 minutes with the same signature is carried out once and answered alike: repeat
a call that got no answer as it was, and give a new call a new second. Refusals, questions and logins are not kept. After code 1
correct the clock by serverTime and repeat.`,
      },
    ],
  },
  {
    title: "Times, amounts, pages",
    parts: [
      {
        text: `Times are YYYY-MM-DD HH:MM:SS in the site's zone. Amounts are yuan with at most two decimals, 0 to 999.99; a coin is
worth what the operator has set, normally one yuan. Lists are newest first where nothing else is said; startIndex counts from 0, and
totals are over everything that matches, not over the page.`,
      },
    ],
  },
  {
    title: "Rates",
    parts: [
      {
        text: `300 calls a minute and session, 60 of them calls that move money; 3,000 a minute and address, 60 logins. Over that it
is HTTP 429 with Retry-After, in seconds.`,
      },
    ],
  },
];

/** The same in Markdown. */
export const introduction = sections
  .map(({ title, parts }) => {
    const lines = parts.map((part) =>
      "code" in part ? `\`\`\`sh\n${part.code}\n\`\`\`` : part.text.replace(/\s+/g, " "),
    );
    return [`## ${title}`, ...lines].join("\n\n");
  })
  .join("\n\n");
