import { instant } from "@bluepower/protocol/clock";
import { wallTime, wireTime } from "@bluepower/protocol/siteTime";
import { listRefunds, refundCoins, refundOrder, retryRefund } from "../payments/operatorRefund.ts";
import { command, optional, type Result, required, toggle } from "./command.ts";
import { masked, table, yuan } from "./output.ts";
import { amountValue, orderIdValue, payIdValue, refundNoValue, textValue, wholeValue } from "./values.ts";

/** Enough for a list on a terminal. */
const LIST_MAX = 10_000;
/** The most coins that one purchase buys. */
const COINS_MAX = 999;

const reason = required(
  "TEXT",
  textValue(120),
  "why; the same amount for the same reason goes back once, however often it is asked for: a second refund needs another",
);

const inYuan = (fen: number): number => Number(yuan(fen));

function made(
  what: string,
  of: { kind: "refunded" | "exists"; refundNo: string; cash: number; coins: number },
): Result {
  const { refundNo, cash, coins } = of;
  const parts = [
    ...(cash > 0 ? [`${yuan(cash)} yuan go back through WeChat`] : []),
    ...(coins > 0 ? [`coins worth ${yuan(coins)} yuan are back`] : []),
  ].join(", ");
  const text = `${what}, refund ${refundNo}: ${parts}`;
  return {
    text:
      of.kind === "exists"
        ? `NOTHING WAS MOVED: the same was refunded for the same reason before\n${text}\nIf this is to be a second refund beside it, give it another --reason`
        : text,
    json: { refundNo, cash: inYuan(cash), coins: inYuan(coins), repeated: of.kind === "exists" },
  };
}

const refundAnOrder = command({
  name: "refund order",
  role: "cashier",
  summary: "Give the payment of an order back, whole or in part: cash first, then coins as coins.",
  argument: { name: "ORDER", parse: orderIdValue },
  flags: {
    amount: optional("YUAN", amountValue, "how much; what is left of the payment without it"),
    reason,
  },
  examples: [
    "refund order 90001800000000 --reason broken",
    "refund order 90001800000000 --amount 1.50 --reason half",
  ],
  async run({ argument: orderId, flags }, { change }) {
    const of = { orderId, reason: flags.reason, ...(flags.amount !== undefined && { amount: flags.amount }) };
    const said = await change((tx, by) => refundOrder(tx, of, by));
    switch (said.kind) {
      case "refunded":
      case "exists":
        return made(`order ${orderId}`, said);
      case "unknown":
        return { problem: `there is no order "${orderId}"` };
      case "not_paid":
        return { problem: `order "${orderId}" is not paid` };
      case "nothing_left":
        return { problem: `of the payment of order "${orderId}" nothing is left` };
      case "too_much":
        return { problem: `--amount is at most ${yuan(said.left)}: that is left of the payment` };
      case "part_of_a_coin":
        return {
          problem: `coins go back whole: --amount is ${said.below === 0 ? "" : `${yuan(said.below)} or `}${yuan(said.above)}`,
        };
    }
  },
});

const refundAPurchase = command({
  name: "refund coins",
  role: "cashier",
  summary: "Take bought coins back and return their money: those that are neither spent nor given away.",
  argument: { name: "PAYID", parse: payIdValue },
  flags: {
    coins: optional("N", wholeValue(1, COINS_MAX), "how many; all that can be without it"),
    reason,
  },
  examples: ["refund coins P0001800000 --reason moved", "refund coins P0001800000 --coins 5 --reason moved"],
  async run({ argument: payId, flags }, { change }) {
    const of = { payId, reason: flags.reason, ...(flags.coins !== undefined && { coins: flags.coins }) };
    const said = await change((tx, by) => refundCoins(tx, of, by));
    switch (said.kind) {
      case "refunded":
      case "exists":
        return made(`purchase ${payId}`, said);
      case "unknown":
        return { problem: `there is no purchase "${payId}"` };
      case "not_paid":
        return { problem: `purchase "${payId}" is not paid` };
      case "too_many":
        return {
          problem: `of purchase "${payId}" ${said.left} coins can go back: the others have, or are spent or given away`,
        };
    }
  },
});

const refundList = command({
  name: "refund list",
  role: "viewer",
  summary: "List what goes back to payers, the newest first.",
  argument: null,
  flags: { failed: toggle("those alone that WeChat has refused, and that wait for you") },
  examples: ["refund list", "refund list --failed --json"],
  async run({ flags }, { db, zone }) {
    const rows = await listRefunds(db, { failed: flags.failed === true, limit: LIST_MAX });
    const list = rows.map((r) => ({
      refundNo: r.refundNo,
      purpose: r.purpose,
      subject: r.subject,
      user: masked(r.user),
      cash: inYuan(r.cash),
      coins: inYuan(r.coins),
      state: r.replacedBy === null ? r.state : ("replaced" as const),
      why: r.failReason,
      replacedBy: r.replacedBy,
      reason: r.reason,
      note: r.note,
      time: wireTime(wallTime(instant(r.insertTime), zone)),
    }));
    const lines = list.map((r) => [
      ...[r.refundNo, r.purpose, r.user, r.cash.toFixed(2), r.coins.toFixed(2)],
      ...[r.why === null ? r.state : `${r.state} (${r.why})`, r.note === "" ? r.reason : r.note, r.time],
    ]);
    const head = ["REFUND", "OF", "USER", "CASH", "COINS", "STATE", "REASON", "MADE"];
    return { text: table(head, lines, "nothing goes back"), json: list };
  },
});

const refundRetry = command({
  name: "refund retry",
  role: "cashier",
  summary: "Have a failed refund sent again: under its number, or under a new one when WeChat has closed it.",
  argument: { name: "NO", parse: refundNoValue },
  flags: {},
  examples: ["refund retry 90001800000000-a1B2c3D4-R1"],
  async run({ argument: refundNo }, { change }) {
    const said = await change((tx, by) => retryRefund(tx, refundNo, by));
    switch (said.kind) {
      case "again":
        return { text: `refund ${refundNo} is sent again`, json: { refundNo } };
      case "anew":
        return {
          text: `WeChat has closed refund ${refundNo}: its money goes back as ${said.refundNo}`,
          json: { refundNo: said.refundNo },
        };
      case "replaced":
        return { problem: `the money of refund "${refundNo}" goes back as "${said.refundNo}"` };
      case "unknown":
        return { problem: `there is no refund "${refundNo}"` };
      case "not_failed":
        return { problem: `refund "${refundNo}" has not failed: it is ${said.state}` };
    }
  },
});

export const refundCommands = [refundAnOrder, refundAPurchase, refundList, refundRetry];
