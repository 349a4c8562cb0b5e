import { rmSync } from "node:fs";
import { instant } from "@bluepower/protocol/clock";
import { wallTime, wireTime } from "@bluepower/protocol/siteTime";
import { bankCardsOf } from "../cashout/bankCards.ts";
import { batchFile, exportable, markExported } from "../cashout/batch.ts";
import { listCashOuts, reboundSince } from "../cashout/lists.ts";
import {
  approveCashOut,
  type CashOut,
  failCashOut,
  findCashOut,
  needsTwo,
  payCashOut,
} from "../cashout/process.ts";
import { secondLimit } from "../cashout/secondLimit.ts";
import { listOperators } from "../identity/operators.ts";
import { maySee } from "./actor.ts";
import { command, optional, required, toggle } from "./command.ts";
import { writeWhole } from "./outFile.ts";
import { masked, maskedName, table, yuan } from "./output.ts";
import { cashOutIdValue, fileValue, phoneValue, textValue } from "./values.ts";

const ID = { name: "ID", parse: cashOutIdValue };
/** Enough for a list on a terminal. */
const LIST_MAX = 10_000;

const unknown = (id: string) => ({ problem: `there is no cash-out "${id}"` });

const full = toggle("show phone number and account holder whole; they are masked otherwise");

/** Of one that is in `rebound`. */
const WARNING = "the manager's number was bound to another WeChat account since: ask them before money goes";

/** What an operator sees of one; the card is masked, and the sealed number stays out. */
function shown(
  c: CashOut,
  { zone, whole, rebound }: { zone: string; whole: boolean; rebound: ReadonlySet<string> },
) {
  const time = (at: number | null) => (at === null ? null : wireTime(wallTime(instant(at), zone)));
  return {
    cashOutId: c.cashOutId,
    manager: whole ? c.manager : masked(c.manager),
    step: c.step,
    money: Number(yuan(c.money)),
    service: Number(yuan(c.service)),
    cash: Number(yuan(c.cash)),
    bankName: c.bankName,
    bankUser: whole ? c.bankUser : maskedName(c.bankUser),
    bankCode: c.bankMask,
    cashOutTime: time(c.cashOutTime),
    processTime: time(c.processTime),
    approvedBy: c.approvedBy,
    secondBy: c.secondBy,
    batchId: c.batchId,
    reference: c.reference,
    reason: c.reason,
    warning: rebound.has(c.cashOutId) ? WARNING : null,
  };
}

const cashoutList = command({
  name: "cashout list",
  role: "viewer",
  summary: "List the cash-outs of managers, the oldest first.",
  argument: null,
  flags: {
    waiting: toggle("those alone that are neither paid nor failed"),
    manager: optional("PHONE", phoneValue, "those of one manager"),
    full,
  },
  examples: ["cashout list --waiting", "cashout list --manager 13900000001 --json"],
  async run({ flags: { waiting, manager, full } }, { db, zone, actor }) {
    const hidden = maySee(actor, "full", full === true);
    if (hidden !== undefined) return hidden;
    const of = { startIndex: 0, pageSize: LIST_MAX, waiting: waiting === true, manager };
    const cashOuts = await listCashOuts(db, of);
    const rebound = await reboundSince(db, cashOuts);
    const list = cashOuts.map((c) => shown(c, { zone, rebound, whole: full === true }));
    const rows = list.map((c) => [
      ...[c.cashOutId, c.manager, c.cash.toFixed(2), c.bankUser, c.bankCode],
      ...[c.cashOutTime ?? "", c.warning === null ? c.step : `${c.step}; ${c.warning}`],
    ]);
    const head = ["ID", "MANAGER", "CASH", "ACCOUNT", "CARD", "ASKED FOR", "STEP"];
    return { text: table(head, rows, "no cash-out"), json: list };
  },
});

const cashoutShow = command({
  name: "cashout show",
  role: "viewer",
  summary: "Show a cash-out and how far it has come.",
  argument: ID,
  flags: { full },
  examples: ["cashout show C0001363200", "cashout show C0001363200 --full --json"],
  async run({ argument: id, flags }, { db, zone, actor }) {
    const hidden = maySee(actor, "full", flags.full === true);
    if (hidden !== undefined) return hidden;
    const found = await db.transaction().execute((tx) => findCashOut(tx, id));
    if (found === undefined) return unknown(id);
    const rebound = await reboundSince(db, [found]);
    const json = shown(found, { zone, rebound, whole: flags.full === true });
    const rows = Object.entries(json).map(([name, value]) => [
      name,
      typeof value === "number" ? value.toFixed(2) : (value ?? "-"),
    ]);
    return { text: table(["", ""], rows, "").trimStart(), json };
  },
});

const cashoutApprove = command({
  name: "cashout approve",
  role: "cashier",
  summary:
    "Approve a cash-out; a large one needs a second person (above the CASHOUT_SECOND_FEN that the cloud serves with).",
  argument: ID,
  flags: {},
  examples: ["cashout approve C0001363200"],
  async run({ argument: id }, { change, config, actor }) {
    let warning: string | null = null;
    const outcome = await change(async (tx, by) => {
      const cashOut = await findCashOut(tx, id);
      const secondAboveFen = await secondLimit(tx, { unserved: config.cashoutSecondFen });
      const large = cashOut !== undefined && needsTwo(cashOut, secondAboveFen);
      if (cashOut !== undefined && (await reboundSince(tx, [cashOut])).size > 0) warning = WARNING;
      // Otherwise one person were two: under a name, and under the machine's.
      const people = (await listOperators(tx)).some((a) => !a.disabled);
      if (large && people && !actor.named) return "nameless";
      return await approveCashOut(tx, { cashOutId: id, secondAboveFen }, by);
    });
    switch (outcome) {
      case "unknown":
        return unknown(id);
      case "out_of_order":
        return { problem: `cash-out "${id}" waits for no approval: cashout show ${id}` };
      case "same_person":
        return { problem: `cash-out "${id}" needs a second person; you have approved it` };
      case "nameless":
        return {
          problem: `cash-out "${id}" needs two people: act as an account (OPERATOR, OPERATOR_PASSWORD_FILE)`,
        };
      case "needs_second":
        return {
          text: warned(`cash-out ${id} is approved once; a second person has to approve it, too`, warning),
          json: { cashOutId: id, step: "half_approved", warning },
        };
      case "approved":
        return {
          text: warned(`cash-out ${id} is approved`, warning),
          json: { cashOutId: id, step: "approved", warning },
        };
    }
  },
});

const warned = (text: string, warning: string | null): string =>
  warning === null ? text : `${text}\nWARNING: ${warning}`;

const cashoutExport = command({
  name: "cashout export",
  role: "cashier",
  summary:
    "Write all approved cash-outs as one batch for online banking; it holds whole card numbers, opened with the keys in BANK_KEY_FILE (one a line: the last seals, all open).",
  argument: null,
  flags: {
    file: required(
      "OUT.csv",
      fileValue,
      "where it is written, readable by this account only; give it to the bank as it is: a spreadsheet that opens and saves it keeps 15 digits of a card number",
    ),
    again: toggle("those as well that a batch has already and that are neither paid nor failed"),
  },
  examples: ["cashout export --file batch.csv", "cashout export --file batch-2.csv --again"],
  async run({ flags: { file, again } }, { db, change, config, zone }) {
    const cashOuts = await exportable(db, { again: again === true });
    if (cashOuts.length === 0)
      return { problem: "no cash-out is approved and in no batch: cashout list --waiting" };
    const cards = await bankCardsOf(db, config.bankKeyFile);
    const written = writeWhole(file, [batchFile(cashOuts, cards)]);
    if ("problem" in written) return written;
    const { sha256, made } = written;
    const marked = await change((tx, by) => markExported(tx, { cashOuts, sha256, zone }, by));
    if (marked.kind === "changed") {
      if (made) rmSync(file, { force: true });
      return { problem: "a cash-out was moved on meanwhile; nothing is exported, do it again" };
    }
    const cash = cashOuts.reduce((sum, c) => sum + c.cash, 0);
    const json = {
      ...{ batchId: marked.batchId, file, sha256, count: cashOuts.length, cash: Number(yuan(cash)) },
      cashOutIds: cashOuts.map((c) => c.cashOutId),
    };
    const text = `batch ${marked.batchId}: ${cashOuts.length} cash-outs, ${yuan(cash)} yuan, written to ${file}\nSHA-256 ${sha256}`;
    return { text, json };
  },
});

const cashoutPaid = command({
  name: "cashout paid",
  role: "cashier",
  summary: "The bank has paid a cash-out: its orders are withdrawn.",
  argument: ID,
  flags: { reference: required("REF", textValue(60), "the bank's reference of the payment") },
  examples: ["cashout paid C0001363200 --reference 20261123-001"],
  async run({ argument: id, flags: { reference } }, { change }) {
    switch (await change((tx, by) => payCashOut(tx, { cashOutId: id, reference }, by))) {
      case "unknown":
        return unknown(id);
      case "out_of_order":
        return { problem: `cash-out "${id}" is not approved, or has ended: cashout show ${id}` };
      case "paid":
        return { text: `cash-out ${id} is paid`, json: { cashOutId: id, step: "paid", reference } };
    }
  },
});

const cashoutFail = command({
  name: "cashout fail",
  role: "cashier",
  summary:
    "The bank does not pay a cash-out: its orders can be withdrawn again. An exported one stands in a file that the bank has.",
  argument: ID,
  flags: {
    reason: required("TEXT", textValue(200), "why; the manager reads it"),
    "bank-has-not-paid": toggle(
      "of an exported one: you have seen at the bank that it has not paid and will not",
    ),
  },
  examples: [
    "cashout fail C0001363200 --reason 卡号有误",
    "cashout fail C0001363200 --reason 卡号有误 --bank-has-not-paid",
  ],
  async run({ argument: id, flags }, { change }) {
    const { reason } = flags;
    const of = { cashOutId: id, reason, bankHasNotPaid: flags["bank-has-not-paid"] === true };
    switch (await change((tx, by) => failCashOut(tx, of, by))) {
      case "unknown":
        return unknown(id);
      case "out_of_order":
        return { problem: `cash-out "${id}" has ended already: cashout show ${id}` };
      case "exported":
        return {
          problem: `cash-out "${id}" is exported: look at the bank whether it was paid, then say so with --bank-has-not-paid`,
        };
      case "failed":
        return { text: `cash-out ${id} has failed`, json: { cashOutId: id, step: "failed", reason } };
    }
  },
});

export const cashoutCommands = [
  cashoutList,
  cashoutShow,
  cashoutApprove,
  cashoutExport,
  cashoutPaid,
  cashoutFail,
];
