import type { Plant } from "./plant.ts";

/** What operators do with money: refunds, cash-outs, accounts, the books. */
export const operatorPlants: readonly Plant[] = [
  {
    name: "operator refunds more than was paid",
    file: "cloud/payments/operatorRefund.ts",
    find: `  if (fen > order.money) return { kind: "too_much", left: order.money };\n`,
    plant: "",
    caught: {
      file: "cloud/payments/operatorRefund.test.ts",
      test: "is refunded once for one reason and amount, and never beyond its payment",
    },
  },
  {
    name: "operator refunds again what was refunded for the same reason",
    file: "cloud/payments/operatorRefund.ts",
    find: `  if (before !== undefined) return { kind: "exists", ...before };
  if (order.payState !== "paid") return { kind: "not_paid" };`,
    plant: `  if (order.payState !== "paid") return { kind: "not_paid" };`,
    caught: {
      file: "cloud/payments/operatorRefund.test.ts",
      test: "is refunded once for one reason and amount, and never beyond its payment",
    },
  },
  {
    name: "operator turns gifts into money",
    file: "cloud/coins/bought.ts",
    find: "const mine = other === BOUGHT_FROM ? amount : back;",
    plant: "const mine = pays ? back : amount;",
    caught: {
      file: "cloud/payments/operatorRefund.test.ts",
      test: "that were got as a gift are nobody's money back",
    },
  },
  {
    name: "operator approves twice",
    file: "cloud/cashout/process.ts",
    find: `  if (second && cashOut.approvedBy === by.who) return "same_person";\n`,
    plant: "",
    caught: { file: "cloud/cashout/cashout.test.ts", test: "above the limit needs two different people" },
  },
  {
    name: "operator's second person is needed far above the limit only",
    file: "cloud/cashout/process.ts",
    find: "cashOut.cash > secondAboveFen;",
    plant: "cashOut.cash > secondAboveFen * 2;",
    caught: {
      file: "cloud/cashout/cashout.test.ts",
      test: "of exactly the limit needs one person, of one fen more two",
    },
  },
  {
    name: "operator's second person is needed at the limit itself",
    file: "cloud/cashout/process.ts",
    find: "cashOut.cash > secondAboveFen;",
    plant: "cashOut.cash >= secondAboveFen;",
    caught: {
      file: "cloud/cashout/cashout.test.ts",
      test: "of exactly the limit needs one person, of one fen more two",
    },
  },
  {
    name: "operator says when a second person is needed",
    file: "cloud/cli/cashoutCommands.ts",
    find: "await secondLimit(tx, { unserved: config.cashoutSecondFen })",
    plant: "config.cashoutSecondFen",
    caught: {
      file: "cloud/cli/cashouts.test.ts",
      test: "above which sum it needs two is what the cloud serves with, not what the caller's environment says",
    },
  },
  {
    name: "operator fails what the bank may still pay",
    file: "cloud/cashout/process.ts",
    find: `  if (cashOut.step === "exported" && of.bankHasNotPaid !== true) return "exported";\n`,
    plant: "",
    caught: {
      file: "cloud/cli/cashouts.test.ts",
      test: "an exported one fails only when somebody has seen that the bank has not paid it",
    },
  },
  {
    name: "operator's failed cash-out is not written down",
    file: "cloud/cashout/process.ts",
    find: `  await audit(tx, by, { what: "cashout.fail", object: cashOutId, detail: reason });\n`,
    plant: "",
    caught: {
      file: "cloud/cashout/cashout.test.ts",
      test: "that failed gives its orders back, moves nothing, and counts in no total",
    },
  },
  {
    name: "operator's retry of a refund is not written down",
    file: "cloud/payments/operatorRefund.ts",
    find: `  await audit(tx, by, { what: "refund.retry", object: refundNo, detail: anew ?? "" });\n`,
    plant: "",
    caught: {
      file: "cloud/payments/operatorRefund.test.ts",
      test: "CLOSED can come to nothing more: what the platform kept of it goes back under a new number, once",
    },
  },
  {
    name: "operator refunds one purchase twice out of another",
    file: "cloud/payments/operatorRefund.ts",
    find: "purchase.pmoney - returned,",
    plant: "purchase.pmoney,",
    caught: {
      file: "cloud/payments/operatorRefund.test.ts",
      test: "of one purchase are no more than it bought, though others were bought too",
    },
  },
  {
    name: "operator's closed refund of coins counts beside the one in its place",
    file: "cloud/payments/operatorRefund.ts",
    find: `    .where("subject", "=", payId)
    .where("replacedBy", "is", null)`,
    plant: `    .where("subject", "=", payId)`,
    caught: {
      file: "cloud/payments/operatorRefund.test.ts",
      test: "that another refund gave back in the place of a closed one count once",
    },
  },
  {
    name: "operator is told that correct books are broken",
    file: "cloud/audit/cashouts.ts",
    find: "where former.id is null and",
    plant: "where",
    caught: {
      file: "cloud/payments/operatorRefund.test.ts",
      test: "CLOSED before its order was withdrawn, and sent anew twice after it, is no debt and no other sum",
    },
  },
  {
    name: "operator's failed cash-out forgets what was refunded meanwhile",
    file: "cloud/cashout/process.ts",
    find: "cashOut.debt - refundedMeanwhile",
    plant: "cashOut.debt",
    caught: {
      file: "cloud/cashout/cashout.test.ts",
      test: "that is refunded while its cash-out is pending comes back with less",
    },
  },
  {
    name: "operator's cash-out leaves the debt where it was",
    file: "cloud/cashout/request.ts",
    find: "  await addDebt(tx, manager, -debt);\n",
    plant: "",
    caught: { file: "cloud/cashout/cashout.test.ts", test: "lowers the next cash-out, never below nothing" },
  },
  {
    name: "operator's viewer pays out",
    file: "cloud/cli/actor.ts",
    find: "  if (!mayAct(role, command.role)) {",
    plant: "  if (!mayAct(role, command.role) && role !== role) {",
    caught: {
      file: "cloud/cli/accounts.test.ts",
      test: "each role may what its commands need and nothing more; nothing is done otherwise",
    },
  },
  {
    name: "operator's spreadsheet runs what a manager entered",
    file: "cloud/sheets/csv.ts",
    find: "[=+\\-@＝＋－＠]|^",
    plant: "[+\\-@＝＋－＠]|^",
    caught: {
      file: "cloud/cli/cashouts.test.ts",
      test: "what a manager has entered runs in no spreadsheet",
    },
  },
  {
    name: "operator is not told that the ledger owes a manager something else",
    file: "cloud/audit/sums.ts",
    find: "select 'manager_payable:' || manager, 0, money - debt from manager_money",
    plant: "select 'manager_payable:' || manager, 0, money from manager_money",
    caught: { file: "test/audit/audit.test.ts", test: "debt_not_negative", titles: "test/audit/damages.ts" },
  },
  {
    name: "operator's delivery told again for ever",
    file: "cloud/payments/shipping.ts",
    find: "const KNOWN = [10060002, 10060003];",
    plant: "const KNOWN = [10060003];",
    caught: { file: "cloud/payments/shipping.test.ts", test: "a delivery > that it knows is told" },
  },
  {
    name: "a certificate believed after its time",
    file: "cloud/payments/platformKeys.ts",
    find: "key !== undefined && clock.now() < key.until ? key.pem",
    plant: "key !== undefined ? key.pem",
    caught: {
      file: "cloud/payments/platformKeys.test.ts",
      test: "a learned certificate holds until it expires",
    },
  },
];
