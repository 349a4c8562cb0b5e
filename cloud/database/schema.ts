/**
 * Every table of the cloud as the program sees it. The twelve documented tables keep their names and columns
 * (spec 2, "Tables"); what is added is named in the same style. Times are epoch milliseconds, money is whole fen,
 * flags are 0/1: the same on SQLite and PostgreSQL. One file because it is the one list of what is stored.
 */
import type { ColumnType, Generated } from "kysely";

/** Set by the database. */
type Id = Generated<number>;
/** Has a default, so an insert may leave it out. */
type Defaulted<T> = ColumnType<T, T | undefined, T>;

export type Side = "user" | "manager";

/** One row is one session of one side; several per openid may live. */
export interface WxInfo {
  id: Id;
  side: Side;
  openId: string;
  /** WeChat's key of the login; null for a login by SMS. Never leaves the server. */
  sessionKey: string | null;
  session: string;
  phone: string | null;
  insertTime: number;
  updateTime: number;
}

export interface UserInfo {
  id: Id;
  user: string;
  userName: Defaulted<string>;
  /** Spendable coins, kept equal to the ledger in the same transaction. */
  pmoney: Defaulted<number>;
  setupTime: number;
  professionId: number | null;
  /** Whose the coins are: the first openid that bound this phone number, later the one an operator has confirmed; empty before. */
  confirmedOpenId: Defaulted<string>;
  /** When the number was last bound to another openid; null: never, or confirmed since. */
  reboundTime: Defaulted<number | null>;
  /** VIP up to this moment; null: never was. */
  vipUntil: Defaulted<number | null>;
}

export interface ManagerInfo {
  id: Id;
  manager: string;
  managerName: Defaulted<string>;
  setupTime: number;
  /** 0 until the operator approves. */
  approved: Defaulted<number>;
  /** Whose the income is, and since when another may have the number: as of a user. */
  confirmedOpenId: Defaulted<string>;
  reboundTime: Defaulted<number | null>;
}

export interface Site {
  id: Id;
  name: string;
  /** IANA zone. */
  zone: string;
  stationId: Defaulted<string>;
  stationName: Defaulted<string>;
  parkId: Defaulted<string>;
  foreignPorts: Defaulted<"report" | "switch_off">;
}

export interface Gateway {
  id: string;
  siteId: number;
  /** SHA-256 of the token, hex. */
  tokenHash: string;
  setupTime: number;
  /** Last word from it; null before the first. */
  seenTime: number | null;
  /** Version of the desired state; counted up in the transaction of every change that it shows. */
  desiredVersion: Defaulted<number>;
  revoked: Defaulted<number>;
}

export interface DeviceInfo {
  id: Id;
  deviceCode: string;
  deviceName: Defaulted<string>;
  /** 0 enabled, 1 disabled. */
  state: Defaulted<number>;
  /** The charger's profile. */
  version: number;
  /** The 12-character chip ID; on the wire the 16-character name. */
  btName: string;
  jamCode: string;
  maxUnit: Defaulted<number>;
  /** 0 free, 1 charged for. */
  chargeFlag: Defaulted<number>;
  /** Fen for a unit of thirty minutes. */
  unitPrice: Defaulted<number>;
  /** STA fields joined; empty if unknown. */
  portState: Defaulted<string>;
  portTime: number | null;
  manager: string | null;
  setupTime: number;
  updateTime: number;
  addTime: number | null;
  siteId: number | null;
  /** The gateway that is assigned; null: the phone drives it. */
  gatewayId: string | null;
  /** When its gateway last said that it is in reach, and when that it lost it; the later one holds. */
  chargerSeenTime: number | null;
  chargerLostTime: number | null;
  /** Why its gateway cannot drive it (wrong jam code …); empty when it can. */
  misconfigured: Defaulted<string>;
}

export interface BlackUserInfo {
  id: Id;
  user: string;
  manager: string;
  setupTime: number;
}

export type OrderState = "starting" | "charging" | "finished" | "cancelled";
export type PayState = "unpaid" | "paying" | "paid" | "waived";

export interface OrderInfo {
  id: Id;
  orderId: string;
  user: string;
  deviceCode: string;
  deviceName: string;
  port: number;
  unitPrice: number;
  /** What is billed; what was agreed stands in agreedUnit and agreedMoney. */
  unit: number;
  money: number;
  orderTime: number;
  /** Coins and cash of the payment that succeeded. */
  pmoney: Defaulted<number>;
  cash: Defaulted<number>;
  payTime: number | null;
  cashOutFlag: Defaulted<number>;
  cashOutId: string | null;
  agreedUnit: number;
  agreedMoney: number;
  state: OrderState;
  payState: PayState;
  /** Who managed the device when the order was made. */
  manager: string;
  gatewayId: string | null;
  source: Defaulted<"cloud" | "offline">;
  startTime: number | null;
  endTime: number | null;
  /** Proven minutes delivered. */
  minutes: number | null;
  endReason: string | null;
  evidence: string | null;
  /** Why it was cancelled, a reason word; null otherwise. */
  cancelReason: string | null;
  /** The user was told that it is cancelled: it is never billed, a later confirmation is answered with stop. */
  toldCancelled: Defaulted<number>;
  plateNo: Defaulted<string>;
  /** Who cancelled or waived, for the operator's list. */
  updateTime: number;
}

/** Sums of the listed orders of a manager's charger and day (of the order, in the zone of setting `day_zone`). */
export interface OrderDay {
  manager: string;
  deviceCode: string;
  /** yyyymmdd. */
  day: number;
  count: number;
  unit: number;
  money: number;
  paidCount: number;
  /** Coins and cash of what was paid. */
  pmoney: number;
  cash: number;
}

/** What a manager can withdraw: paid orders that no cash-out has, and what refunds of withdrawn ones take off. */
export interface ManagerMoneyRow {
  manager: string;
  count: number;
  money: number;
  debt: number;
}

/** One live order per port, by its primary key (deviceCode, port). */
export interface LiveOrder {
  deviceCode: string;
  port: number;
  orderId: string;
}

/** One unpaid cloud order per user, by its primary key. */
export interface UnpaidOrder {
  user: string;
  orderId: string;
}

/** An attempt to pay an order; state 0 pending, 1 success, 2 fail. */
export interface OrderPayInfo {
  id: Id;
  orderId: string;
  user: string;
  deviceCode: string;
  port: number;
  unitPrice: number;
  unit: number;
  money: number;
  orderTime: number;
  state: number;
  wxPayid: string | null;
  payTime: number | null;
  /** Of the payment at WeChat, where there is one. */
  outTradeNo: string;
  channel: "coins" | "jsapi" | "h5";
  pmoney: number;
  cash: number;
  insertTime: number;
  failReason: string | null;
}

/** What can be bought with a payment at WeChat. */
export type PaymentPurpose = "order" | "coins";

/** A payment at WeChat, whatever it buys; state 0 pending, 1 success, 2 fail. */
export interface WxPayment {
  outTradeNo: string;
  purpose: PaymentPurpose;
  /** The order's or the purchase's id. */
  subject: string;
  user: string;
  description: string;
  channel: "jsapi" | "h5";
  openId: string | null;
  /** Fen. */
  cash: number;
  state: number;
  wxPayid: string | null;
  payTime: number | null;
  insertTime: number;
  expireTime: number;
  /** When WeChat was last asked. */
  queryTime: number | null;
  prepayId: string | null;
  /** 1: closed at WeChat, confirmed. */
  closed: Defaulted<number>;
  failReason: string | null;
  /** When WeChat is next told that what was bought is delivered; null when it need not be. */
  shipTime: number | null;
  shipTries: Defaulted<number>;
  /** 1: WeChat knows that it is delivered. */
  shipped: Defaulted<number>;
  /** What WeChat said last when it did not take it. */
  shipProblem: string | null;
}

/** What goes back to a payer; state pending until WeChat has confirmed. */
export interface RefundInfo {
  id: Id;
  refundNo: string;
  purpose: PaymentPurpose;
  /** The order or the purchase whose money goes back. */
  subject: string;
  outTradeNo: string;
  user: string;
  /** Fen in cash, and fen in coins. */
  cash: number;
  coins: number;
  total: number;
  reason: string;
  state: "pending" | "success" | "failed";
  insertTime: number;
  updateTime: number;
  wxRefundId: string | null;
  /** Why an operator made it; empty for those that come about by themselves. */
  note: Defaulted<string>;
  /** Fen that the operator asked for; null when that was the whole. */
  asked: number | null;
  /** `CLOSED`, `ABNORMAL` or `REFUSED`, where it has failed. */
  failReason: string | null;
  /** The refund that took up its money after WeChat had closed this one. */
  replacedBy: string | null;
  /** When WeChat has taken it, by its own clock: in the bill of that day it stands. Null where its answer was lost. */
  acceptTime: number | null;
}

/** A day whose bill of WeChat Pay has been compared with ours, as it was the last time. */
export interface BillDay {
  /** yyyymmdd. */
  day: number;
  reconcileTime: number;
  /** Rows and fen of the bill. */
  payments: number;
  paid: number;
  refunds: number;
  refunded: number;
  /** 1: the account's fund flow was compared with the bill; 0: there was none. */
  fundFlow: number;
}

export type BillKind = "payment" | "refund" | "totals";
export type DifferenceClass = "only_ours" | "only_theirs" | "amount" | "state" | "totals";

/** What a bill of WeChat Pay and ours do not say alike; one row however often the day is compared. */
export interface BillDifference {
  id: Id;
  day: number;
  kind: BillKind;
  /** The payment's or the refund's number; of totals their name. */
  number: string;
  class: DifferenceClass;
  /** What each side says, in words; empty where it says nothing. Of totals, ours is the bill's and theirs the fund flow's. */
  ours: string;
  theirs: string;
  /** The order or the purchase, where it is one of ours. */
  subject: string;
  /** `gone`: a later comparison did not find it any more. */
  state: "open" | "gone" | "settled";
  foundTime: number;
  /** The last comparison that found it. */
  seenTime: number;
  goneTime: number | null;
  settledBy: string | null;
  settleTime: number | null;
  note: string | null;
}

export interface ProfessionInfo {
  id: Id;
  professionId: number;
  professionName: string;
}

export interface PmoneyChargeInfo {
  id: Id;
  payId: string;
  user: string;
  pmoney: number;
  payTime: number;
}

export interface PmoneyChargePay {
  id: Id;
  payId: string;
  user: string;
  pmoney: number;
  payTime: number | null;
  state: number;
  wxPayid: string | null;
  outTradeNo: string;
}

export interface PmoneyGiftInfo {
  id: Id;
  giftId: string;
  fromUser: string;
  toUser: string;
  pmoney: number;
  giftTime: number;
}

export interface CashoutInfo {
  id: Id;
  cashOutId: string;
  manager: string;
  state: number;
  bankName: string;
  bankUser: string;
  bankCode: string;
  money: number;
  service: number;
  cash: number;
  reason: string | null;
  cashOutTime: number;
  processTime: number | null;
  /** How far the operator has come with it. */
  step: Defaulted<"requested" | "half_approved" | "approved" | "exported" | "paid" | "failed">;
  /** The number with its middle hidden; `bankCode` is sealed. */
  bankMask: Defaulted<string>;
  /** Fen of the manager's debt that it took up, or below nothing gave back: its orders bring `money` and this. */
  debt: Defaulted<number>;
  approvedBy: string | null;
  secondBy: string | null;
  batchId: string | null;
  /** The bank's. */
  reference: string | null;
  /** The rate at which it was asked for, parts of a million; null before it was kept. */
  ppm: number | null;
  /** Above how many fen it needed two people when it was approved; null before, and before it was kept. */
  secondAboveFen: Defaulted<number | null>;
}

/** A file for the bank, made once. */
export interface CashoutBatch {
  id: string;
  sha256: string;
  count: number;
  cash: number;
  who: string;
  insertTime: number;
}

/** An account of the ledger. `balance` is the sum of its postings, kept in the same transaction. */
export interface LedgerAccount {
  account: string;
  balance: number;
}

/** Double entry: `amount` fen (positive) move from one account to another; the id makes a move repeatable. */
export interface LedgerTransfer {
  id: string;
  fromAccount: string;
  toAccount: string;
  amount: number;
  reason: string;
  orderId: string | null;
  insertTime: number;
}

/** Answers of successful changes, kept 15 minutes for repeats. */
export interface AnsweredCall {
  app: string;
  method: string;
  signature: string;
  answer: string;
  insertTime: number;
}

/** Notifications of WeChat Pay as they came, once each. */
export interface PayNotification {
  id: string;
  kind: string;
  outTradeNo: string;
  body: string;
  insertTime: number;
}

/** A command to a gateway; state open until answered or past its deadline. */
export interface Command {
  id: string;
  gatewayId: string;
  orderId: string | null;
  body: string;
  deadline: number;
  state: "open" | "answered" | "expired";
  outcome: string | null;
  insertTime: number;
  answerTime: number | null;
}

export interface GatewayCursor {
  gatewayId: string;
  streamId: string;
  lastSeq: number;
  updateTime: number;
}

/** Facts that are kept as they came: kinds that this program does not know, foreign ports, health. */
export interface GatewayFact {
  id: Id;
  gatewayId: string;
  seq: number;
  kind: string;
  at: number;
  body: string;
  insertTime: number;
}

/** Events that failed repeatedly and were put aside so that they do not block their gateway. */
export interface DeadEvent {
  id: Id;
  gatewayId: string;
  streamId: string;
  seq: number;
  kind: string;
  body: string;
  problem: string;
  insertTime: number;
}

/** What a phone reported of a port (spec 2, reportDevicePort). */
export interface PortReport {
  id: Id;
  deviceCode: string;
  port: number;
  user: string;
  /** Minutes left; 0 free, 999 damaged. */
  value: number;
  insertTime: number;
}

/** Who did what: operator commands, bindings, revocations, cancels. */
export interface AuditLog {
  id: Id;
  who: string;
  what: string;
  object: string;
  detail: string;
  insertTime: number;
}

export type Role = "viewer" | "cashier" | "admin";

/** Someone who runs the installation. */
export interface OperatorAccount {
  name: string;
  role: Role;
  /** scrypt, with its parameters and salt. */
  passwordHash: string;
  disabled: Defaulted<number>;
  /** Attempts since the last one that was right, and when the last of them was. */
  failures: Defaulted<number>;
  failTime: number | null;
  setupTime: number;
  updateTime: number;
}

/** A card that the operator has issued. */
export interface ChargeCard {
  cardNo: string;
  kind: "physical" | "virtual";
  /** Whose it is; null until it is bound. */
  user: string | null;
  setupTime: number;
}

export interface Setting {
  name: string;
  value: string;
}

export interface Schema {
  wx_info: WxInfo;
  user_info: UserInfo;
  manager_info: ManagerInfo;
  site: Site;
  gateway: Gateway;
  device_info: DeviceInfo;
  black_user_info: BlackUserInfo;
  order_info: OrderInfo;
  order_day: OrderDay;
  manager_money: ManagerMoneyRow;
  live_order: LiveOrder;
  unpaid_order: UnpaidOrder;
  order_pay_info: OrderPayInfo;
  wx_payment: WxPayment;
  refund_info: RefundInfo;
  bill_day: BillDay;
  bill_difference: BillDifference;
  profession_info: ProfessionInfo;
  pmoney_charge_info: PmoneyChargeInfo;
  pmoney_charge_pay: PmoneyChargePay;
  pmoney_gift_info: PmoneyGiftInfo;
  cashout_info: CashoutInfo;
  cashout_batch: CashoutBatch;
  ledger_account: LedgerAccount;
  ledger_transfer: LedgerTransfer;
  answered_call: AnsweredCall;
  pay_notification: PayNotification;
  command: Command;
  gateway_cursor: GatewayCursor;
  gateway_fact: GatewayFact;
  dead_event: DeadEvent;
  port_report: PortReport;
  audit_log: AuditLog;
  operator_account: OperatorAccount;
  charge_card: ChargeCard;
  setting: Setting;
}
