import { type Day, written } from "./billDay.ts";
import { bad, fenOf, type Read, type Row, readBillTable, shown } from "./billTable.ts";

export interface BilledPayment {
  outTradeNo: string;
  transactionId: string;
  /** Fen. */
  amount: number;
  /** `SUCCESS`, or what else WeChat Pay says of it. */
  state: string;
}

export interface BilledRefund {
  refundNo: string;
  outTradeNo: string;
  amount: number;
  /** As it was when the bill was made; it does not follow. */
  state: string;
}

/** All that was paid and given back on a day: payments by the time of their success, refunds by that of their acceptance. */
export interface TradeBill {
  payments: Map<string, BilledPayment>;
  refunds: Map<string, BilledRefund>;
  /** Fen. */
  paid: number;
  refunded: number;
  /** Fen that WeChat Pay keeps of the payments, less what it gives back of them with refunds. */
  fees: number;
}

/** The bill of a day on which nothing happened: WeChat Pay makes none. */
export const emptyTradeBill = (): TradeBill => ({
  payments: new Map(),
  refunds: new Map(),
  paid: 0,
  refunded: 0,
  fees: 0,
});

const NEEDED = [
  ...["交易时间", "商户号", "微信订单号", "商户订单号", "交易状态", "货币种类", "商户退款单号", "退款状态"],
  ...["手续费", "订单金额", "申请退款金额"],
];
const COUNT = "总交易单数";
const SUM = "订单总金额";
const REFUNDED = "申请退款总金额";

/**
 * Reads a trade bill of the type ALL (WeChat Pay, "交易账单文件格式说明"). One that contradicts itself – totals that do not fit
 * its rows, a number twice, another merchant, another day – proves nothing and is bad as a whole.
 */
export async function readTradeBill(text: string, of: { day: Day; mchId: string }): Promise<Read<TradeBill>> {
  const bill = emptyTradeBill();
  const date = `${written(of.day)} `;
  let rows = 0;
  let amounts = 0;
  const each = (row: Row): string | undefined => {
    rows++;
    const [amount, refunded, fee] = [
      fenOf(row("订单金额")),
      fenOf(row("申请退款金额")),
      fenOf(row("手续费")),
    ];
    if (amount === undefined || refunded === undefined || fee === undefined || amount < 0 || refunded < 0) {
      return "an amount is none";
    }
    if (!row("交易时间").startsWith(date)) return `${shown(row("交易时间"))} is another day`;
    if (row("商户号") !== of.mchId) return `${shown(row("商户号"))} is another merchant`;
    if (row("货币种类") !== "CNY") return `${shown(row("货币种类"))} is no currency of ours`;
    bill.fees += fee;
    amounts += amount;
    const outTradeNo = row("商户订单号");
    const refundNo = row("商户退款单号");
    if (refundNo === "" || refundNo === "0") {
      if (bill.payments.has(outTradeNo)) return `payment ${shown(outTradeNo)} stands there twice`;
      const transactionId = row("微信订单号");
      bill.payments.set(outTradeNo, { outTradeNo, transactionId, amount, state: row("交易状态") });
      bill.paid += amount;
      return undefined;
    }
    if (bill.refunds.has(refundNo)) return `refund ${shown(refundNo)} stands there twice`;
    bill.refunds.set(refundNo, { refundNo, outTradeNo, amount: refunded, state: row("退款状态") });
    bill.refunded += refunded;
    return undefined;
  };
  const read = await readBillTable(text, {
    needed: NEEDED,
    totals: [COUNT, SUM, REFUNDED],
    free: "商品名称",
    each,
  });
  if (read.kind === "bad") return read;
  const total = read.value;
  if (total(COUNT) !== String(rows)) return bad(`it has ${rows} rows and counts ${shown(total(COUNT))}`);
  if (fenOf(total(SUM)) !== amounts || fenOf(total(REFUNDED)) !== bill.refunded) {
    return bad("its totals are not the sums of its rows");
  }
  return { kind: "read", value: bill };
}
