import type { Plant } from "./plant.ts";

/** Bills, payments, refunds, the ledger. */
export const moneyPlants: readonly Plant[] = [
  {
    name: "coins taken from the wrong account",
    file: "cloud/payments/orderPayment.ts",
    find: "from: held ? `user_coins_held:",
    plant: "from: !held ? `user_coins_held:",
    caught: {
      file: "cloud/payments/payments.test.ts",
      test: "by a notification, once, whatever is told again and asked",
    },
  },
  {
    name: "balance not looked at",
    file: "cloud/ledger/ledger.ts",
    find: `    .where("balance", ">=", amount)\n`,
    plant: "",
    caught: {
      file: "cloud/ledger/ledger.test.ts",
      test: "coins never go below nothing: the refused move leaves no trace and its id stays free",
    },
  },
  {
    name: "a transfer's id taken for another move",
    file: "cloud/ledger/ledger.ts",
    find: "    before.amount === amount &&\n",
    plant: "",
    caught: {
      file: "cloud/ledger/ledger.test.ts",
      test: "moves once, whatever is repeated, and says when the id belongs to another move",
    },
  },
  {
    name: "refund number new at each try",
    file: "cloud/payments/sweeper.ts",
    find: `      outTradeNo: row.outTradeNo,
      refundNo,`,
    plant: `      outTradeNo: row.outTradeNo,
      refundNo: \`\${refundNo}-\${clock.now()}\`,`,
    caught: {
      file: "cloud/payments/money.test.ts",
      test: "is tried with the same number until WeChat has taken it",
    },
  },
  {
    name: "a refund that has gone back is said to have failed",
    file: "cloud/payments/refunds.ts",
    find: `    .where("refundNo", "=", refund.refundNo)
    .where("state", "=", "pending")`,
    plant: `    .where("refundNo", "=", refund.refundNo)`,
    caught: {
      file: "cloud/payments/money.test.ts",
      test: "under way at WeChat is finished by its notification, once",
    },
  },
  {
    name: "hold given back twice",
    file: "cloud/payments/settle.ts",
    find: `    .where("outTradeNo", "=", of.outTradeNo)
    .where("state", "=", PAYMENT.pending)`,
    plant: `    .where("outTradeNo", "=", of.outTradeNo)`,
    caught: {
      file: "cloud/payments/payments.test.ts",
      test: "and an answer about a payment that is over changes nothing, neither that nor the one that is open",
    },
  },
  {
    name: "a success settled as often as it is told",
    file: "cloud/payments/settle.ts",
    find: `    .where("wxPayid", "is", null)\n`,
    plant: "",
    caught: {
      file: "cloud/payments/payments.test.ts",
      test: "by a notification, once, whatever is told again and asked",
    },
  },
  {
    name: "a cancelled order paid by late money",
    file: "cloud/payments/orderPayment.ts",
    find: "return payable && order.payState",
    plant: "return order.payState",
    caught: {
      file: "cloud/payments/money.test.ts",
      test: "for a cancelled order goes back, and its held coins too",
    },
  },
  {
    name: "too little late money pays the bill",
    file: "cloud/payments/orderPayment.ts",
    find: " && attempt.money >= order.money;",
    plant: ";",
    caught: {
      file: "cloud/payments/money.test.ts",
      test: "and then raised before late money comes: it is too little and goes back",
    },
  },
  {
    name: "payer of another openid",
    file: "cloud/payments/outside.ts",
    find: `  if (row.channel === "jsapi" && said.openId !== row.openId) return "openid";\n`,
    plant: "",
    caught: {
      file: "cloud/payments/payments.test.ts",
      test: "a notification that is not ours is refused and changes nothing > openid",
    },
  },
  {
    name: "jsapi payment without an openid",
    file: "cloud/payments/attempts.ts",
    find: `  if (cash > 0 && request.channel === "jsapi" && request.openId === null) return { kind: "no_openid" };\n`,
    plant: "",
    caught: {
      file: "cloud/payments/payments.test.ts",
      test: "is refused for > cash by somebody without openid",
    },
  },
  {
    name: "coins and cash not the bill",
    file: "cloud/payments/attempts.ts",
    find: "money !== order.money || pmoney * coin + cash !== money",
    plant: "money !== order.money",
    caught: { file: "cloud/payments/payments.test.ts", test: "is refused for > too little" },
  },
  {
    name: "a probe of WeChat taken for true",
    file: "cloud/payments/signing.ts",
    find: `  if (signature.startsWith(PROBE)) return "a probe with a wrong signature";`,
    plant: "  if (signature.startsWith(PROBE)) return undefined;",
    caught: {
      file: "cloud/payments/signing.test.ts",
      test: "an answer under the public key > is verified, and anything else is not",
    },
  },
  {
    name: "an old notification taken",
    file: "cloud/payments/signing.ts",
    find: "if (Math.abs(message.nowSeconds - Number(timestamp)) >= SKEW_SECONDS) {",
    plant: "if (Number(timestamp) - message.nowSeconds >= SKEW_SECONDS) {",
    caught: {
      file: "cloud/payments/signing.test.ts",
      test: "a notification under a certificate > is verified, and anything else is not",
    },
  },
  {
    name: "an answer of WeChat Pay believed unverified",
    file: "cloud/payments/payCall.ts",
    find: `      if (problem !== undefined) {
        return { kind: "unavailable"`,
    plant: `      if (problem !== undefined && status >= 400) {
        return { kind: "unavailable"`,
    caught: {
      file: "cloud/payments/wechatPay.test.ts",
      test: "an answer that somebody else has signed says nothing, good or bad",
    },
  },
  {
    name: "a notification for another merchant",
    file: "cloud/payments/notifications.ts",
    find: `  if (content.mchId !== world.provider.mchId) return refused("mchid is not ours");\n`,
    plant: "",
    caught: {
      file: "cloud/payments/payments.test.ts",
      test: "a notification that is not ours is refused and changes nothing > mchid",
    },
  },
  {
    name: "a refund's notification of another amount",
    file: "cloud/payments/notifications.ts",
    find: `  if (content.amount !== row.cash) return refused("amount is not that of the refund");\n`,
    plant: "",
    caught: {
      file: "cloud/payments/money.test.ts",
      test: "under way at WeChat is finished by its notification, once",
    },
  },
  {
    name: "coins of a number that somebody else has now",
    file: "cloud/identity/numbers.ts",
    find: `return confirmed === "" || of.openId === null || of.openId === confirmed;`,
    plant: "return true;",
    caught: {
      file: "cloud/api/user/orders.test.ts",
      test: "spends no coins and pays no bill from before until the operator has confirmed that it is the same person",
    },
  },
  {
    name: "a bill of a number that somebody else has now",
    file: "cloud/payments/attempts.ts",
    find: "(pmoney > 0 || order.orderTime <= former)",
    plant: "pmoney > 0",
    caught: {
      file: "cloud/api/user/orders.test.ts",
      test: "spends no coins and pays no bill from before until the operator has confirmed that it is the same person",
    },
  },
  {
    name: "a manager's money to somebody else's account",
    file: "cloud/api/manager/CashOut.ts",
    find: `    if (!(await numberIsTheirs(tx, caller))) return refuse("PHONE_UNCONFIRMED");\n`,
    plant: "",
    caught: {
      file: "cloud/api/manager/rebound.test.ts",
      test: "takes no money and gives no charger away until the operator has confirmed the person",
    },
  },
  {
    name: "more billed than agreed",
    file: "cloud/orders/bill.ts",
    find: "return Math.min(agreedUnit, Math.ceil(minutes / UNIT_MINUTES));",
    plant: "return Math.ceil(minutes / UNIT_MINUTES);",
    caught: {
      file: "cloud/orders/bill.test.ts",
      test: "never more than agreed, never less with more minutes",
    },
  },
  {
    name: "raised while it is being paid",
    file: "cloud/orders/bill.ts",
    find: "      if (money < bill.money) await update({});",
    plant: "      await update({});",
    caught: {
      file: "cloud/payments/money.test.ts",
      test: "and then raised while it is being paid: what was asked for is what is owed",
    },
  },
  {
    name: "a payment handed out after its time",
    file: "cloud/payments/outside.ts",
    find: "if (row?.state !== PAYMENT.pending || row.expireTime <= clock.now()) return",
    plant: "if (row?.state !== PAYMENT.pending) return",
    caught: {
      file: "cloud/payments/payments.test.ts",
      test: "a payment whose time is over is not asked for any more",
    },
  },
  {
    name: "an answer about another payment believed",
    file: "cloud/payments/wechatPay.ts",
    find: `if (textOf(said, "out_trade_no") !== outTradeNo || textOf(said, "mchid") !== mchId) {`,
    plant: `if (textOf(said, "mchid") !== mchId) {`,
    caught: {
      file: "cloud/payments/wechatPay.test.ts",
      test: "an answer about another payment, or another merchant's, says nothing",
    },
  },
  {
    name: "closed while the payer is paying",
    file: "cloud/payments/wechatPay.ts",
    find: `          : { kind: "unavailable", detail: "the payer is about to pay" };`,
    plant: `          : { kind: "closed" };`,
    caught: { file: "cloud/payments/wechatPay.test.ts", test: "closing that is answered with > USERPAYING" },
  },
  {
    name: "a waived bill comes back",
    file: "cloud/orders/bill.ts",
    find: `    case "waived":
      return;
    case "paying":`,
    plant: `    case "paying":`,
    and: [
      {
        find: `    case "unpaid":
      await update({});`,
        plant: `    case "waived":
    case "unpaid":
      await update({ payState: "unpaid" });`,
      },
    ],
    caught: {
      file: "cloud/orders/words.test.ts",
      test: "a waived bill stays waived, whatever is proven later",
    },
  },
  {
    name: "a refund of another total than was paid",
    file: "cloud/payments/sweeper.ts",
    find: "      total: row.total,",
    plant: "      total: row.cash,",
    caught: {
      file: "cloud/payments/money.test.ts",
      test: "after it was paid: cash goes back first, by itself, and the manager is owed the rest",
    },
  },
  {
    name: "a number that WeChat does not know yet given up at once",
    file: "cloud/payments/outside.ts",
    find: `return creation === "refused" || at - row.insertTime > CREATED_BY_MS`,
    plant: `return creation === "refused" || at >= row.insertTime`,
    caught: {
      file: "cloud/payments/payments.test.ts",
      test: "a number that WeChat does not know may come to be for a minute, and is given up then",
    },
  },
  {
    name: "a resource opened without its tag",
    file: "cloud/payments/signing.ts",
    find: "return Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()])",
    plant: "return Buffer.concat([decipher.update(bytes.subarray(0, -16))])",
    caught: {
      file: "cloud/payments/signing.test.ts",
      test: "AES-GCM opens, and opens nothing that was changed",
    },
  },
];
