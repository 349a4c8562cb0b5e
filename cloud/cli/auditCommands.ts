import { instant } from "@bluepower/protocol/clock";
import { wallTime, wireTime } from "@bluepower/protocol/siteTime";
import { isOrderId, isPhone } from "@bluepower/protocol/units";
import { audit, inOneLine, invariants } from "../audit/audit.ts";
import { type Explanation, explain } from "../audit/explain.ts";
import { consistentRead } from "../database/open.ts";
import { maySee } from "./actor.ts";
import { command, type Parse, toggle } from "./command.ts";
import { maskedPhones, table, yuan } from "./output.ts";

const all = command({
  name: "audit",
  role: "viewer",
  summary: "Prove that the books are in order: money, orders, payments, kept sums; exit 1 when they are not.",
  argument: null,
  flags: { full: toggle("show whole phone numbers; their middle is left out otherwise") },
  examples: ["audit", "audit --full --json"],
  async run({ flags: { full } }, { db, actor }) {
    const hidden = maySee(actor, "full", full === true);
    if (hidden !== undefined) return hidden;
    const text = (t: string) => (full === true ? t : maskedPhones(t));
    const violations = (await audit(db)).map((v) => ({
      ...{ ...v, subject: text(v.subject), detail: text(v.detail) },
      ...(v.postings !== undefined && { postings: v.postings.map(text) }),
    }));
    const broken = new Set(violations.map((v) => v.rule));
    const says = invariants.filter((i) => broken.has(i.name)).map((i) => `${i.name}: ${i.says}`);
    const json = { invariants: invariants.length, violations };
    if (violations.length === 0) {
      return { text: `${invariants.length} invariants hold`, json };
    }
    const lines = [
      ...violations.map(inOneLine),
      "",
      `${broken.size} of ${invariants.length} invariants are broken:`,
      ...says,
    ];
    return { text: lines.join("\n"), json, failed: true };
  },
});

const wordValue: Parse<string> = (text) =>
  isOrderId(text) || isPhone(text) || /^C[0-9]{10}$/.test(text)
    ? { value: text }
    : { problem: `is an order, a phone number or a cash-out, not "${text}"` };

const one = command({
  name: "audit explain",
  role: "cashier",
  summary:
    "Tell fen by fen how an order, a user's coins, a manager's money or a cash-out came to be what it is.",
  argument: { name: "ORDER|PHONE|CASHOUT", parse: wordValue },
  flags: {},
  examples: ["audit explain 90001795314600", "audit explain 13900000001 --json", "audit explain C0001314600"],
  async run({ argument }, { db, zone }) {
    const found = await consistentRead(db, (tx) => explain(tx, argument));
    if (found === undefined) return { problem: `nothing is known of "${argument}"` };
    const failed = !found.adds_up && { failed: true };
    return { text: inWords(found, zone), json: found, ...failed };
  },
});

function inWords({ of, accounts, sums, adds_up }: Explanation, zone: string): string {
  const parts = accounts.map(({ account, earlier, moves, balance }) => {
    const rows = moves.map((m) => [
      wireTime(wallTime(instant(m.at), zone)),
      signed(m.amount),
      yuan(m.balance),
      m.says,
      m.id,
    ]);
    const before =
      earlier.count === 0 ? [] : [`${earlier.count} earlier postings: ${yuan(earlier.balance)} yuan`];
    const list = table(["TIME", "YUAN", "BALANCE", "WHY", "POSTING"], rows, "no postings");
    return [account, ...before, list, `together ${yuan(balance)} yuan`].join("\n");
  });
  const total = sums.map((s) => `${s.says}: ${yuan(s.fen)} yuan`);
  const end = adds_up ? "it adds up" : "it does not add up: see the audit";
  return [of, ...parts, [...total, end].join("\n")].join("\n\n");
}

const signed = (fen: number): string => (fen > 0 ? `+${yuan(fen)}` : yuan(fen));

export const auditCommands = [all, one];
