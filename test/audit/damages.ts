/**
 * For tests: to every invariant a damage to a populated database that breaks it and no other. One has a second with it by force:
 * balances that are those of the postings sum to zero. One file because it is the one list of them, and no more than a list.
 */

type Row = Record<string, string | number>;

export interface Damage {
  rule: string;
  /** Which part of the rule, where one damage does not break all of it. */
  part?: string;
  /** A row to damage; its `x` is what the audit names unless `subjects` says otherwise. */
  of: string;
  damage(row: Row): string[];
  subjects?: (row: Row) => string[];
  /** What is broken with it by force. */
  also?: (row: Row) => string[];
}

/** A posting with the balances of its accounts. */
function post(id: string, from: string, to: string, amount: number): string[] {
  return [
    `insert into ledger_transfer values ('${id}', '${from}', '${to}', ${amount}, 'DAMAGE', null, 0)`,
    ...[
      [from, -amount],
      [to, amount],
    ].map(
      ([account, by]) => `insert into ledger_account values ('${account}', ${by})
        on conflict do update set balance = balance + ${by}`,
    ),
  ];
}

/** A posting is of another amount, or gone; what is missing goes through the opening account, so that every balance stays. */
function lower(id: string, by: number): string[] {
  const as = (way: string, from: string, to: string) => `insert into ledger_transfer
    select 'opening/${way}', ${from}, ${to}, ${by}, 'DAMAGE', null, 0 from ledger_transfer where id = '${id}'`;
  return [
    as("a", `"fromAccount"`, "'opening'"),
    as("b", "'opening'", `"toAccount"`),
    `delete from ledger_transfer where id = '${id}' and amount = ${by}`,
    `update ledger_transfer set amount = amount - ${by} where id = '${id}'`,
  ];
}

const ANN = "13800000001";
const BEN = "13800000002";
/** Nobody in the books. */
const EVE = "13800000097";
const MANAGER = "13900000001";
const update = (table: string, key: string, set: string) => (row: Row) => [
  `update ${table} set ${set} where "${key}" = '${row.x}'`,
];
const unpaid = `select "orderId" as x from order_info where state = 'finished' and "payState" = 'unpaid'`;
const withdrawable = `select * , "orderId" as x from order_info
  where "payState" = 'paid' and "cashOutFlag" = 0 and money >= 200`;
const attempts = (where: string) =>
  `select "outTradeNo" as x, "orderId" as o from order_pay_info where ${where}`;
const payments = (where: string) => `select "outTradeNo" as x, subject as s from wx_payment where ${where}`;
const refunds = (where: string) =>
  `select "refundNo" as x, subject as s, "outTradeNo" as n from refund_info where ${where}`;
const anything = "select 1 as x";
const differences = (where: string) =>
  `select 'difference ' || id as x, id as i from bill_difference where ${where}`;
const different = (set: string) => (row: Row) => [`update bill_difference set ${set} where id = ${row.i}`];

export const damages: readonly Damage[] = [
  {
    rule: "sum_is_zero",
    of: anything,
    damage: () => [`update ledger_account set balance = balance + 100 where account = 'opening'`],
    subjects: () => ["ledger_account"],
    also: () => ["balance_is_sum opening"],
  },
  {
    rule: "balance_is_sum",
    of: anything,
    damage: () => [`update ledger_transfer set amount = 200 where id = 'opening/1'`],
    subjects: () => ["opening", `user_coins:${ANN}`],
  },
  {
    rule: "not_negative",
    of: anything,
    damage: () => [
      "pragma ignore_check_constraints = on",
      `insert into user_info ("user", pmoney, "setupTime") values ('${EVE}', -1, 0)`,
      ...post("opening/x", `user_coins:${EVE}`, "opening", 100),
    ],
    subjects: () => [`user_coins:${EVE}`],
  },
  {
    rule: "account_known",
    of: anything,
    damage: () => ["insert into ledger_account values ('petty_cash', 0)"],
    subjects: () => ["petty_cash"],
  },
  {
    rule: "posting_way",
    of: anything,
    damage: () => [
      ...post("bonus/1", "platform", "wechat_clearing", 100),
      ...post("bonus/2", "wechat_clearing", "platform", 100),
    ],
    subjects: () => ["bonus/1", "bonus/2"],
  },
  {
    rule: "posting_subject",
    of: anything,
    damage: () => [
      ...post("gift/G1", `user_coins:${ANN}`, `user_coins:${BEN}`, 100),
      ...post("gift/G2", `user_coins:${BEN}`, `user_coins:${ANN}`, 100),
    ],
    subjects: () => ["gift/G1", "gift/G2"],
  },
  {
    rule: "posting_order",
    of: anything,
    damage: () => [
      ...post("opening/x", "opening", "platform", 100),
      ...post("opening/y", "platform", "opening", 100),
      `update ledger_transfer set "orderId" = '90000000000000' where id = 'opening/x'`,
    ],
    subjects: () => ["opening/x"],
  },
  {
    rule: "posting_names_order",
    part: "a payment",
    of: `select id as x from ledger_transfer where id like 'pay/%/void'`,
    damage: update("ledger_transfer", "id", `"orderId" = null`),
  },
  {
    rule: "posting_names_order",
    part: "a refund",
    of: `select t.id as x from ledger_transfer t inner join refund_info r on t.id = 'refund/' || r."refundNo" || '/paid'
      where r.purpose = 'order'`,
    damage: update("ledger_transfer", "id", `"orderId" = null`),
  },
  {
    rule: "whole_coins",
    of: anything,
    damage: () => [
      ...post("opening/x", "opening", `user_coins:${ANN}`, 50),
      ...post("opening/y", `user_coins:${ANN}`, "opening", 50),
    ],
    subjects: () => ["opening/x", "opening/y"],
  },
  {
    rule: "pmoney_is_coins",
    of: `select "user" as x from user_info where pmoney > 1`,
    damage: update("user_info", "user", "pmoney = pmoney - 1"),
  },
  {
    rule: "held_is_pending",
    of: anything,
    damage: () => post("opening/x", "opening", `user_coins_held:${BEN}`, 100),
    subjects: () => [BEN],
  },
  {
    rule: "attempt_coins",
    of: attempts("state = 2 and pmoney > 0"),
    damage: ({ x }) => [`delete from ledger_transfer where id in ('pay/${x}/hold', 'pay/${x}/void')`],
  },
  {
    rule: "gift_is_posted",
    of: `select "giftId" as x from pmoney_gift_info`,
    damage: update("pmoney_gift_info", "giftId", "pmoney = pmoney + 1"),
  },
  {
    rule: "gift_names",
    of: `select "giftId" as x, "toUser" as u, pmoney * 100 as f from pmoney_gift_info`,
    damage: ({ x, u, f }) => [
      `update pmoney_gift_info set "toUser" = '13800000099' where "giftId" = '${x}'`,
      `update ledger_transfer set "toAccount" = 'user_coins:13800000099' where id = 'gift/${x}'`,
      `insert into ledger_transfer values ('opening/x', 'user_coins:13800000099', 'opening', ${f}, '', null, 0)`,
      `insert into ledger_transfer values ('opening/y', 'opening', 'user_coins:${u}', ${f}, '', null, 0)`,
    ],
  },
  {
    rule: "purchase_is_recorded",
    of: `select "payId" as x from pmoney_charge_info`,
    damage: ({ x }) => [`delete from pmoney_charge_info where "payId" = '${x}'`],
  },
  {
    rule: "purchase_is_payment",
    of: `select "payId" as x from pmoney_charge_pay where state = 0`,
    damage: update("pmoney_charge_pay", "payId", "pmoney = pmoney + 1"),
  },
  {
    rule: "purchase_is_payment",
    part: "the transaction",
    of: `select "payId" as x from pmoney_charge_pay where state = 1`,
    damage: update("pmoney_charge_pay", "payId", `"wxPayid" = 'another'`),
  },
  {
    rule: "purchase_is_payment",
    part: "the time",
    of: `select "payId" as x from pmoney_charge_pay where state = 1`,
    damage: update("pmoney_charge_pay", "payId", `"payTime" = "payTime" + 1`),
  },
  {
    rule: "payment_is_posted",
    of: payments("purpose = 'coins' and state = 1"),
    damage: ({ x }) => lower(`pay/${x}/cash`, 100),
  },
  {
    rule: "payment_is_proven",
    of: payments("purpose = 'coins' and state = 1"),
    damage: ({ x }) =>
      ["wx_payment", "pmoney_charge_pay", "order_pay_info"].map(
        (table) => `update ${table} set "payTime" = null where "outTradeNo" = '${x}'`,
      ),
  },
  {
    rule: "transaction_once",
    of: `select min("wxPayid") as x, max("wxPayid") as y from wx_payment where purpose = 'coins' and state = 1`,
    damage: ({ x, y }) =>
      ["wx_payment", "pmoney_charge_pay"].map(
        (table) => `update ${table} set "wxPayid" = '${x}' where "wxPayid" = '${y}'`,
      ),
  },
  {
    rule: "one_open_payment",
    of: `select subject as x from wx_payment where purpose = 'order' and state = 0`,
    // A purchase of coins under the number of an order that is being paid: each of the two fits what it is for.
    damage: ({ x }) => [
      `insert into wx_payment ("outTradeNo", purpose, subject, "user", description, channel, cash, state, "insertTime",
          "expireTime") select 'twice', 'coins', subject, "user", '', channel, 100, 0, "insertTime", "expireTime"
        from wx_payment where subject = '${x}'`,
      `insert into pmoney_charge_pay ("payId", "user", pmoney, state, "outTradeNo")
        select subject, "user", 1, 0, "outTradeNo" from wx_payment where "outTradeNo" = 'twice'`,
    ],
  },
  {
    rule: "unwanted_goes_back",
    of: payments(`state = 2 and "wxPayid" is not null`),
    damage: ({ x }) => lower(`pay/${x}/unwanted`, 100),
  },
  {
    rule: "attempt_is_payment",
    of: attempts("state = 1 and channel = 'jsapi'"),
    damage: update("order_pay_info", "outTradeNo", `"wxPayid" = 'another'`),
  },
  {
    rule: "attempt_is_payment",
    part: "the time",
    of: attempts(`"wxPayid" is not null and state = 2`),
    damage: update("order_pay_info", "outTradeNo", `"payTime" = "payTime" + 1`),
  },
  {
    rule: "attempt_adds_up",
    of: attempts("state = 2 and cash > 0"),
    damage: update("order_pay_info", "outTradeNo", "money = money + 1"),
  },
  {
    rule: "attempt_of_order",
    of: attempts("state = 1"),
    damage: update("order_pay_info", "outTradeNo", "port = 5"),
  },
  {
    rule: "paid_once",
    of: `select "orderId" as x from order_info where money = 0 and "agreedMoney" > 0 and "payState" = 'paid'`,
    damage: ({ x }) => [
      `insert into order_pay_info ("orderId", "user", "deviceCode", port, "unitPrice", unit, money, "orderTime", state,
          "outTradeNo", channel, pmoney, cash, "insertTime", "payTime")
        select "orderId", "user", "deviceCode", port, 0, 0, 0, 0, 1, 'twice', 'coins', 0, 0, 0, "payTime"
        from order_info where "orderId" = '${x}'`,
    ],
  },
  {
    rule: "paying_is_open",
    of: unpaid,
    damage: update("order_info", "orderId", `"payState" = 'paying'`),
  },
  {
    rule: "refund_is_claimed",
    of: refunds("coins > 0"),
    damage: ({ x, s }) => [
      ...lower(`refund/${x}/coins`, 100),
      `update ledger_transfer set "orderId" = '${s}' where id = 'opening/a'`,
    ],
  },
  {
    rule: "refund_is_posted",
    of: refunds("cash > 0 and state = 'success'"),
    damage: ({ x }) => lower(`refund/${x}/paid`, 100),
  },
  {
    rule: "refund_within_payment",
    of: refunds("cash > 0"),
    damage: update("refund_info", "refundNo", "total = total + 1"),
    subjects: ({ n }) => [String(n)],
  },
  {
    rule: "refund_of_payment",
    of: refunds("cash > 0 and coins = 0"),
    damage: update("refund_info", "refundNo", `"user" = '${ANN}'`),
  },
  {
    rule: "order_is_paid",
    of: withdrawable,
    damage: ({ x, deviceCode }) => [
      `update order_info set money = money - 1 where "orderId" = '${x}'`,
      `update order_day set money = money - 1 where "deviceCode" = '${deviceCode}'`,
      "update manager_money set money = money - 1, debt = debt - 1",
    ],
  },
  {
    rule: "order_in_ledger",
    of: withdrawable,
    damage: ({ x }) => [
      ...post("opening/x", "opening", `manager_payable:${MANAGER}`, 100),
      ...post("opening/y", `manager_payable:${MANAGER}`, "opening", 100),
      `update ledger_transfer set "orderId" = '${x}' where id = 'opening/x'`,
    ],
  },
  {
    rule: "bill_is_payment",
    of: `${withdrawable} and pmoney > 0`,
    damage: ({ x, deviceCode }) => [
      `update order_info set pmoney = pmoney - 1, cash = cash + 100 where "orderId" = '${x}'`,
      `update order_day set pmoney = pmoney - 1, cash = cash + 100 where "deviceCode" = '${deviceCode}'`,
    ],
  },
  {
    rule: "bill_is_payment",
    part: "the time",
    of: withdrawable,
    damage: update("order_info", "orderId", `"payTime" = null`),
  },
  {
    rule: "price_fits",
    of: unpaid,
    damage: update("order_info", "orderId", `"agreedMoney" = "agreedMoney" + 1`),
  },
  {
    rule: "state_fits",
    of: unpaid,
    damage: update("order_info", "orderId", `"endReason" = null`),
  },
  {
    rule: "order_times",
    part: "the start",
    of: withdrawable,
    damage: update("order_info", "orderId", `"startTime" = "orderTime" - 1`),
  },
  {
    rule: "order_times",
    part: "the end",
    of: withdrawable,
    damage: update("order_info", "orderId", `"endTime" = "startTime" - 1`),
  },
  {
    rule: "proven_minutes",
    part: "more than was begun",
    of: `${withdrawable} and money = 300`,
    damage: update("order_info", "orderId", "minutes = 30"),
  },
  {
    rule: "proven_minutes",
    part: "less than five minutes",
    of: withdrawable,
    damage: update("order_info", "orderId", "minutes = 4"),
  },
  {
    rule: "cancelled_bills_nothing",
    of: withdrawable,
    damage: ({ x, deviceCode, unit, money, pmoney, cash }) => [
      `update order_info set state = 'cancelled', "cancelReason" = 'USER' where "orderId" = '${x}'`,
      `update order_day set count = count - 1, unit = unit - ${unit}, money = money - ${money},
        "paidCount" = "paidCount" - 1, pmoney = pmoney - ${pmoney}, cash = cash - ${cash}
        where "deviceCode" = '${deviceCode}'`,
    ],
  },
  {
    rule: "told_cancelled_stays",
    of: withdrawable,
    damage: update("order_info", "orderId", `"toldCancelled" = 1`),
  },
  {
    rule: "flag_fits",
    of: unpaid,
    damage: update("order_info", "orderId", `"cashOutFlag" = 2`),
  },
  {
    rule: "port_slot",
    of: `select "orderId" as x from order_info where state = 'charging'`,
    damage: ({ x }) => [`delete from live_order where "orderId" = '${x}'`],
  },
  {
    rule: "user_slot",
    of: `select "orderId" as x, "user" as u from order_info where state = 'cancelled' and "user" not in (select "user" from unpaid_order)
      union select "orderId", '13800000098' from order_info where state = 'cancelled'`,
    damage: ({ x, u }) => [`insert into unpaid_order values ('${u}', '${x}')`],
  },
  {
    rule: "bill_has_slot",
    part: "of a charge that is over",
    of: unpaid,
    damage: ({ x }) => [`delete from unpaid_order where "orderId" = '${x}'`],
  },
  {
    rule: "bill_has_slot",
    part: "of one that is under way",
    of: `select "orderId" as x from order_info where state = 'charging' and "payState" = 'paying'`,
    damage: ({ x }) => [`delete from unpaid_order where "orderId" = '${x}'`],
  },
  {
    rule: "cashout_orders",
    of: `select o."orderId" as x from order_info o inner join cashout_info c on c."cashOutId" = o."cashOutId" and c.state = 0
      where o.money > 0`,
    damage: update("order_info", "orderId", `"cashOutFlag" = 1`),
  },
  {
    rule: "cashout_sum",
    of: `select o."orderId" as o, c."cashOutId" as x from order_info o
      inner join cashout_info c on c."cashOutId" = o."cashOutId" and c.state = 0`,
    damage: ({ o }) => [`update order_info set "cashOutId" = null where "orderId" = '${o}'`],
  },
  {
    rule: "cashout_price",
    of: `select "cashOutId" as x from cashout_info where state = 2`,
    damage: update("cashout_info", "cashOutId", "service = service + 1, cash = cash - 1"),
  },
  {
    rule: "cashout_step",
    of: `select "cashOutId" as x from cashout_info where state = 0`,
    damage: update("cashout_info", "cashOutId", `"processTime" = null`),
  },
  {
    rule: "cashout_approved",
    part: "nobody",
    of: `select "cashOutId" as x from cashout_info where state = 2`,
    damage: update("cashout_info", "cashOutId", "step = 'approved'"),
  },
  {
    rule: "cashout_approved",
    part: "one person",
    of: `select "cashOutId" as x from cashout_info where "secondBy" is not null`,
    damage: update("cashout_info", "cashOutId", `"secondBy" = null`),
  },
  {
    rule: "cashout_approved",
    part: "no reference",
    of: `select "cashOutId" as x from cashout_info where state = 0`,
    damage: update("cashout_info", "cashOutId", "reference = null"),
  },
  {
    rule: "cashout_batch",
    part: "a batch that is none",
    of: `select "cashOutId" as x from cashout_info where state = 0`,
    damage: update("cashout_info", "cashOutId", `"batchId" = 'B20200101-1'`),
  },
  {
    rule: "cashout_batch",
    part: "its number",
    of: `select min(id) as x from cashout_batch`,
    damage: update("cashout_batch", "id", "count = count + 1"),
  },
  {
    rule: "cashout_batch",
    part: "its cash",
    of: `select max(id) as x from cashout_batch`,
    damage: update("cashout_batch", "id", "cash = cash + 1"),
  },
  {
    rule: "cashout_two_people",
    of: `select "cashOutId" as x from cashout_info where "secondBy" is not null`,
    damage: update("cashout_info", "cashOutId", `"secondBy" = "approvedBy"`),
  },
  {
    rule: "cashout_is_posted",
    of: `select "cashOutId" as x from cashout_info where state = 0`,
    damage: ({ x }) => lower(`cashout/${x}/service`, 1),
  },
  {
    rule: "clearing_is_wechat",
    of: anything,
    damage: () => post("opening/x", "wechat_clearing", "opening", 100),
    subjects: () => ["wechat_clearing"],
  },
  {
    rule: "platform_is_fees",
    of: anything,
    damage: () => post("opening/x", "opening", "platform", 100),
    subjects: () => ["platform"],
  },
  {
    rule: "paid_out_is_cashouts",
    of: anything,
    damage: () => post("opening/x", "opening", `manager_paid_out:${MANAGER}`, 100),
    subjects: () => [`manager_paid_out:${MANAGER}`],
  },
  {
    rule: "manager_is_owed",
    of: anything,
    damage: () => post("opening/x", "opening", `manager_payable:${MANAGER}`, 100),
    subjects: () => [`manager_payable:${MANAGER}`],
  },
  {
    rule: "manager_money",
    of: "select manager as x from manager_money",
    damage: update("manager_money", "manager", "count = count + 1"),
  },
  {
    rule: "debt_not_negative",
    of: anything,
    damage: () => [
      "insert into manager_money values ('13900000002', 0, 0, -100)",
      ...post("opening/x", "opening", "manager_payable:13900000002", 100),
    ],
    subjects: () => ["13900000002"],
  },
  {
    rule: "order_day",
    of: `select manager || ' ' || "deviceCode" || ' ' || day as x, "deviceCode" as c from order_day`,
    damage: ({ c }) => [`update order_day set money = money + 1 where "deviceCode" = '${c}'`],
  },
  {
    rule: "difference_is_told_of",
    of: differences("state = 'settled'"),
    damage: different("note = ''"),
  },
  {
    rule: "difference_of_day",
    of: differences("state = 'gone'"),
    damage: different("day = 20200101"),
  },
  {
    rule: "difference_of_sides",
    of: differences("class = 'only_theirs'"),
    damage: different("ours = theirs"),
  },
  {
    rule: "device_manager",
    of: `select "deviceCode" as x from device_info where manager is not null`,
    damage: update("device_info", "deviceCode", "manager = '13900000099'"),
  },
  {
    rule: "command_of_order",
    of: "select id as x from command",
    damage: update("command", "id", `"orderId" = '90000000000000'`),
  },
  {
    rule: "command_answered",
    of: "select id as x from command where state = 'answered'",
    damage: update("command", "id", "outcome = null"),
  },
  {
    rule: "cursor_covers",
    of: `select "gatewayId" as x from dead_event`,
    damage: update("dead_event", "gatewayId", "seq = 4"),
  },
  {
    rule: "answered_call",
    of: "select signature as x from answered_call where method = 'newPowerOrder'",
    damage: update("answered_call", "signature", `answer = '{"orderId":"90000000000000"}'`),
  },
];
