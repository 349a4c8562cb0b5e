import type { Instant } from "@bluepower/protocol/clock";
import { wallTime, wireTime } from "@bluepower/protocol/siteTime";

/** A payment or a refund as a bill tells it. Fen. */
export interface BillEntry {
  /** Of a refund, when it was accepted. */
  at: Instant;
  transactionId: string;
  outTradeNo: string;
  appid: string;
  openid: string;
  tradeType: string;
  description: string;
  attach: string;
  amount: number;
  /** Of a refund, what comes back of it. */
  fee: number;
  status: string;
  refund?: { refundId: string; outRefundNo: string; successTime: string };
}

const FRONT = [
  ..."交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态".split(
    ",",
  ),
  ..."付款银行,货币种类,应结订单金额,代金券金额".split(","),
];
const BACK = "微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态".split(",");
const GOODS = "商品名称,商户数据包,手续费,费率,订单金额".split(",");
/** By the type of the bill (WeChat Pay, "交易账单文件格式说明"). */
const COLUMNS = {
  ALL: [...FRONT, ...BACK, ...GOODS, "申请退款金额", "费率备注"],
  SUCCESS: [...FRONT, ...GOODS, "费率备注"],
  REFUND: [...FRONT, "退款申请时间", "退款成功时间", ...BACK, ...GOODS, "申请退款金额", "费率备注"],
};
const TOTALS =
  "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额".split(",");
const FUND_COLUMNS =
  "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号".split(
    ",",
  );
const FUND_TOTALS = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额".split(",");

const yuan = (fen: number): string => (fen / 100).toFixed(2);
const feeYuan = (fen: number): string => (fen / 100).toFixed(5);
const shanghai = (at: Instant): string => wireTime(wallTime(at, "Asia/Shanghai"));
/** What people wrote is not escaped; a line break would end the row. */
const ticked = (values: readonly string[]): string =>
  values.map((value) => `\`${value.replace(/[\r\n]/g, " ")}`).join(",");
const sum = (entries: readonly BillEntry[], of: (entry: BillEntry) => number): number =>
  entries.reduce((all, entry) => all + of(entry), 0);

/** A trade bill: names, rows, names of the totals, totals. */
export function tradeBillText(
  entries: readonly BillEntry[],
  of: { type: keyof typeof COLUMNS; mchid: string },
): string {
  const columns = COLUMNS[of.type];
  const rows = entries.map((entry) => {
    const values = tradeValues(entry, of.mchid);
    return ticked(columns.map((name) => values[name] ?? ""));
  });
  const paid = sum(entries, (e) => (e.refund === undefined ? e.amount : 0));
  const back = sum(entries, (e) => (e.refund === undefined ? 0 : e.amount));
  const fees = sum(entries, (e) => (e.refund === undefined ? e.fee : -e.fee));
  const totals = [
    ...[String(entries.length), yuan(paid), yuan(back), "0.00", feeYuan(fees), yuan(paid), yuan(back)],
  ];
  return [columns.join(","), ...rows, TOTALS.join(","), ticked(totals), ""].join("\n");
}

function tradeValues(entry: BillEntry, mchid: string): Record<string, string> {
  const { refund } = entry;
  return {
    交易时间: shanghai(entry.at),
    公众账号ID: entry.appid,
    商户号: mchid,
    特约商户号: "0",
    微信订单号: entry.transactionId,
    商户订单号: entry.outTradeNo,
    用户标识: entry.openid,
    交易类型: entry.tradeType,
    交易状态: refund === undefined ? entry.status : "REFUND",
    付款银行: "OTHERS",
    货币种类: "CNY",
    应结订单金额: refund === undefined ? yuan(entry.amount) : "0.00",
    代金券金额: "0.00",
    退款申请时间: shanghai(entry.at),
    退款成功时间: refund?.successTime.slice(0, 19).replace("T", " ") ?? "",
    微信退款单号: refund?.refundId ?? "0",
    商户退款单号: refund?.outRefundNo ?? "0",
    退款金额: refund === undefined ? "0.00" : yuan(entry.amount),
    充值券退款金额: "0.00",
    退款类型: refund === undefined ? "" : "ORIGINAL",
    退款状态: refund === undefined ? "" : entry.status,
    商品名称: entry.description,
    商户数据包: entry.attach,
    手续费: feeYuan(refund === undefined ? entry.fee : -entry.fee),
    费率: "0.60%",
    订单金额: refund === undefined ? yuan(entry.amount) : "0.00",
    申请退款金额: refund === undefined ? "0.00" : yuan(entry.amount),
  };
}

/** Amounts that leave are below nothing. */
function movesOf(entry: BillEntry): { name: string; type: string; amount: number; note: string }[] {
  const { amount, fee } = entry;
  const note = (what: string): string => `${what}${yuan(amount)}元;含手续费${yuan(fee)}元`;
  if (entry.refund !== undefined) {
    return [{ name: "退款", type: "退款", amount: fee - amount, note: note("退款总金额") }];
  }
  const kept = { name: "交易", type: "扣除交易手续费", amount: -fee, note: note("结算总金额") };
  return [{ name: "交易", type: "交易", amount, note: note("结算总金额") }, ...(fee > 0 ? [kept] : [])];
}

/** The fund flow of the basic account, which `before` has filled. */
export function fundFlowText(
  entries: readonly BillEntry[],
  of: { before: readonly BillEntry[]; mchid: string },
): string {
  const inAll = (some: readonly BillEntry[]): number =>
    some.flatMap(movesOf).reduce((all, { amount }) => all + amount, 0);
  let balance = inAll(of.before);
  const amounts: number[] = [];
  const rows = entries.flatMap((entry) =>
    movesOf(entry).map(({ name, type, amount, note }) => {
      balance += amount;
      amounts.push(amount);
      const values = [
        ...[
          shanghai(entry.at),
          entry.refund?.refundId ?? entry.transactionId,
          entry.transactionId,
          name,
          type,
        ],
        ...[amount < 0 ? "支出" : "收入", yuan(Math.abs(amount)), yuan(balance)],
        ...[entry.refund === undefined ? "system" : `${of.mchid}API`, note],
        entry.refund?.outRefundNo ?? entry.outTradeNo,
      ];
      return ticked(values);
    }),
  );
  const [come, gone] = [amounts.filter((a) => a >= 0), amounts.filter((a) => a < 0)];
  const total = (some: number[]): string => yuan(Math.abs(some.reduce((all, a) => all + a, 0)));
  const totals = [
    ...[String(rows.length), String(come.length), total(come)],
    ...[String(gone.length), total(gone)],
  ];
  return [FUND_COLUMNS.join(","), ...rows, FUND_TOTALS.join(","), ticked(totals), ""].join("\n");
}
