import { payAccount } from "../payAccount.ts";
import { accountProblem } from "../payments/wechatPay.ts";
import { written } from "../reconciliation/billDay.ts";
import { type Bills, wechatBills } from "../reconciliation/bills.ts";
import { listDifferences, type StoredDifference, settleDifference } from "../reconciliation/differences.ts";
import { reconcileDay } from "../reconciliation/reconcile.ts";
import { command, required, type Tools, toggle } from "./command.ts";
import { table } from "./output.ts";
import { dateValue, shownTime } from "./span.ts";
import { textValue, wholeValue } from "./values.ts";

/** Enough for a list on a terminal. */
const LIST_MAX = 10_000;

function billsOf({ config, clock, random }: Tools): Bills | { problem: string } {
  const account = payAccount(config);
  if (account === null) return { problem: "no merchant of WeChat Pay is configured" };
  const problem = accountProblem(account, config.production);
  return problem === undefined ? wechatBills({ account, clock, random }) : { problem };
}

const reconcile = command({
  name: "reconcile",
  role: "cashier",
  summary:
    "Compare a day with WeChat Pay's bill and write down what differs; moves no money; exit 1 when something does.",
  argument: { name: "DATE", parse: dateValue },
  flags: {},
  examples: ["reconcile 2026-11-22", "reconcile 20261122 --json"],
  async run({ argument: day }, tools) {
    const { db, clock, actor, zone } = tools;
    const bills = billsOf(tools);
    if ("problem" in bills) return bills;
    const date = written(day);
    const said = await reconcileDay({ db, clock, bills }, day, { who: actor.who, at: clock.now() });
    switch (said.kind) {
      case "not_out":
        return { problem: `the bill of ${date} is made on the day after, at ten in China` };
      case "unavailable":
        return { problem: `WeChat Pay cannot say now: ${said.detail}` };
      case "refused":
        return { problem: `WeChat Pay has no bill of ${date}: ${said.detail}` };
      case "bad":
        return { problem: `the bill of ${date} cannot be used: ${said.detail}` };
      case "compared": {
        const { payments, refunds, fundFlow, found } = said;
        const rows = await listDifferences(db, { open: true, day, limit: LIST_MAX });
        const flow = fundFlow ? "" : "; the account has no fund flow of that day";
        const counted = `${payments} payments and ${refunds} refunds are in the bill of ${date}${flow}`;
        const stand = `${found.open} differences are open, ${found.settled} settled, ${found.gone} gone`;
        return {
          text: [counted, stand, ...(rows.length > 0 ? ["", listed(rows)] : [])].join("\n"),
          json: {
            day: date,
            payments,
            refunds,
            fundFlow,
            ...found,
            differences: rows.map((r) => asJson(r, zone)),
          },
          ...(found.open > 0 && { failed: true }),
        };
      }
    }
  },
});

const list = command({
  name: "reconcile list",
  role: "viewer",
  summary: "List what WeChat Pay's bills and ours do not say alike, the newest day first.",
  argument: null,
  flags: { open: toggle("those alone that wait for you") },
  examples: ["reconcile list --open", "reconcile list --json"],
  async run({ flags }, { db, zone }) {
    const rows = await listDifferences(db, { open: flags.open === true, limit: LIST_MAX });
    return { text: listed(rows), json: rows.map((r) => asJson(r, zone)) };
  },
});

const settle = command({
  name: "reconcile settle",
  role: "cashier",
  summary: "Mark a difference as dealt with, for a reason; moves no money.",
  argument: { name: "ID", parse: wholeValue(1, 999_999_999) },
  flags: { note: required("TEXT", textValue(200), "what it was, and what was done") },
  examples: ["reconcile settle 3 --note counted-twice"],
  async run({ argument: id, flags }, { change }) {
    const said = await change((tx, by) => settleDifference(tx, { id, note: flags.note }, by));
    switch (said) {
      case "settled":
        return { text: `difference ${id} is settled`, json: { id } };
      case "unknown":
        return { problem: `there is no difference ${id}` };
      case "gone":
        return { problem: `difference ${id} is gone: the last comparison did not find it any more` };
      case "settled_before":
        return { problem: `difference ${id} is settled` };
    }
  },
});

function listed(rows: readonly StoredDifference[]): string {
  const head = ["ID", "DAY", "OF", "NUMBER", "WHAT", "OURS", "WECHAT PAY", "STATE", "NOTE"];
  const lines = rows.map((r) => [
    ...[r.id, written(r.day), r.kind, r.number, r.class, r.ours === "" ? "-" : r.ours],
    ...[r.theirs === "" ? "-" : r.theirs, r.state, r.note ?? ""],
  ]);
  return table(head, lines, "nothing differs");
}

const asJson = (r: StoredDifference, zone: string) => ({
  ...{ id: r.id, day: written(r.day), kind: r.kind, number: r.number, class: r.class },
  ...{ ours: r.ours, theirs: r.theirs, subject: r.subject, state: r.state, note: r.note },
  settledBy: r.settledBy,
  found: shownTime(r.foundTime, zone),
  seen: shownTime(r.seenTime, zone),
  gone: shownTime(r.goneTime, zone),
  settled: shownTime(r.settleTime, zone),
});

export const reconcileCommands = [reconcile, list, settle];
