import { type Day, written } from "./billDay.ts";
import { bad, fenOf, type Read, type Row, readBillTable, shown } from "./billTable.ts";

/** What a day has done to the merchant's account with WeChat Pay, as far as it comes of payments and refunds. Fen. */
export interface FundFlow {
  income: number;
  /** Refunds and fees: a refund leaves the account less the fee that comes back with it. */
  outgo: number;
}

const NEEDED = ["记账时间", "业务类型", "收支类型", "收支金额(元)"];
const COUNT = "资金流水总笔数";
const INCOME = "收入金额";
const OUTGO = "支出金额";

/** Withdrawals to the bank, top-ups and transfers are no matter of payments. */
const PAYMENT = "交易";
const BACK = ["退款", "扣除交易手续费", "退回交易手续费"];

/** Reads the fund flow of the basic account (WeChat Pay, "资金账单文件格式说明"). */
export async function readFundFlow(text: string, of: { day: Day }): Promise<Read<FundFlow>> {
  const flow: FundFlow = { income: 0, outgo: 0 };
  const date = `${written(of.day)} `;
  const all = { rows: 0, in: 0, out: 0 };
  const each = (row: Row): string | undefined => {
    all.rows++;
    const amount = fenOf(row("收支金额(元)"));
    if (amount === undefined || amount < 0) return "an amount is none";
    if (!row("记账时间").startsWith(date)) return `${shown(row("记账时间"))} is another day`;
    const way = row("收支类型");
    if (way !== "收入" && way !== "支出") return `${shown(way)} is neither in nor out`;
    if (way === "收入") all.in += amount;
    else all.out += amount;
    const type = row("业务类型");
    if (type === PAYMENT) flow.income += way === "收入" ? amount : -amount;
    if (BACK.includes(type)) flow.outgo += way === "支出" ? amount : -amount;
    return undefined;
  };
  const read = await readBillTable(text, {
    needed: NEEDED,
    totals: [COUNT, INCOME, OUTGO],
    free: "备注",
    each,
  });
  if (read.kind === "bad") return read;
  const total = read.value;
  if (total(COUNT) !== String(all.rows))
    return bad(`it has ${all.rows} rows and counts ${shown(total(COUNT))}`);
  if (fenOf(total(INCOME)) !== all.in || fenOf(total(OUTGO)) !== all.out) {
    return bad("its totals are not the sums of its rows");
  }
  return { kind: "read", value: flow };
}
