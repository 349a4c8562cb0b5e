/** Tables for bookkeeping, each read in batches; money by day comes from the sums that are kept of orders. */

import type { Instant } from "@bluepower/protocol/clock";
import { instant } from "@bluepower/protocol/clock";
import { wallTime, wireTime } from "@bluepower/protocol/siteTime";
import { sql } from "kysely";
import type { Db } from "../database/database.ts";
import type { Cell } from "../sheets/csv.ts";
import type { Sheet } from "../sheets/xlsx.ts";

/** Days as yyyymmdd, both included, and the same as moments, `end` without. */
export interface ReportSpan {
  fromDay: number;
  toDay: number;
  start: Instant;
  end: Instant;
  manager?: string | undefined;
}

/** Rows that are read at once. */
const BATCH = 1000;

const STATES = { starting: "启动中", charging: "充电中", finished: "已完成", cancelled: "已取消" };
const PAYMENTS = { unpaid: "未支付", paying: "支付中", paid: "已支付", waived: "已免除" };
const CASHED = ["未提现", "提现中", "已提现"];

/** Listed orders, one a row, in the order they were stored; `phone` writes a phone number. */
export function ordersReport(
  db: Db,
  of: ReportSpan,
  shown: { zone: string; phone(p: string): string },
): Sheet {
  const time = (at: number | null) => (at === null ? null : wireTime(wallTime(instant(at), shown.zone)));
  async function* batches() {
    for (let last = 0; ; ) {
      let orders = db
        .selectFrom("order_info")
        .selectAll()
        .where("id", ">", last)
        .where("orderTime", ">=", of.start)
        .where("orderTime", "<", of.end)
        .where("state", "in", ["charging", "finished"])
        .where("payState", "<>", "waived");
      if (of.manager !== undefined) orders = orders.where("manager", "=", of.manager);
      const rows = await orders.orderBy("id").limit(BATCH).execute();
      if (rows.length > 0) {
        yield rows.map((o): Cell[] => [
          ...[o.orderId, time(o.orderTime), shown.phone(o.user), shown.phone(o.manager)],
          ...[
            o.deviceCode,
            o.deviceName,
            o.port,
            o.unit,
            { fen: o.unitPrice },
            { fen: o.money },
            o.pmoney,
            { fen: o.cash },
          ],
          ...[STATES[o.state], PAYMENTS[o.payState], time(o.payTime), o.minutes],
          ...[CASHED[o.cashOutFlag] ?? "", o.cashOutId],
        ]);
      }
      const next = rows.at(-1)?.id;
      if (rows.length < BATCH || next === undefined) return;
      last = next;
    }
  }
  return {
    title: "订单",
    head: [
      ...[
        "订单号",
        "下单时间",
        "用户",
        "管理员",
        "设备编号",
        "设备名称",
        "端口",
        "单位数",
        "单价(元)",
        "金额(元)",
      ],
      ...["充电币", "现金(元)", "状态", "支付状态", "支付时间", "分钟", "提现状态", "提现编号"],
    ],
    batches: batches(),
  };
}

const SUMS = ["订单数", "单位数", "金额(元)", "已支付订单", "充电币", "现金(元)"];
type Group = "day" | "manager" | "deviceCode";

/** Sums of listed orders by day and manager, by manager, or by manager and charger; `phone` writes a manager's number. */
export function sumsReport(
  db: Db,
  of: ReportSpan,
  { by, phone }: { by: "days" | "managers" | "devices"; phone(p: string): string },
): Sheet {
  const { title, head, groups } = {
    days: { title: "按日", head: ["日期", "管理员"], groups: ["day", "manager"] as const },
    managers: { title: "按管理员", head: ["管理员"], groups: ["manager"] as const },
    devices: { title: "按设备", head: ["管理员", "设备编号"], groups: ["manager", "deviceCode"] as const },
  }[by];
  async function* batches() {
    for (let offset = 0; ; offset += BATCH) {
      const rows = await sums(db, of, { groups, offset, phone });
      if (rows.length > 0) yield rows;
      if (rows.length < BATCH) return;
    }
  }
  return { title, head: [...head, ...SUMS], batches: batches() };
}

async function sums(
  db: Db,
  of: ReportSpan,
  { groups, offset, phone }: { groups: readonly Group[]; offset: number; phone(p: string): string },
): Promise<Cell[][]> {
  let days = db
    .selectFrom("order_day")
    .select(groups)
    .select((e) => [
      e.fn.sum<number>(sql.ref("count")).as("count"),
      e.fn.sum<number>("unit").as("unit"),
      e.fn.sum<number>("money").as("money"),
      e.fn.sum<number>("paidCount").as("paidCount"),
      e.fn.sum<number>("pmoney").as("pmoney"),
      e.fn.sum<number>("cash").as("cash"),
    ])
    .where("day", ">=", of.fromDay)
    .where("day", "<=", of.toDay);
  if (of.manager !== undefined) days = days.where("manager", "=", of.manager);
  for (const name of groups) days = days.groupBy(name).orderBy(name);
  // Days on which all orders were waived have a row of noughts.
  const rows = await days.having(sql.ref("count"), ">", 0).offset(offset).limit(BATCH).execute();
  return rows.map((r) => {
    const given = r as Partial<Record<Group, string | number>>;
    return [
      ...groups.map((name) => {
        if (name === "day") return dateOf(Number(given.day));
        return name === "manager" ? phone(String(given.manager)) : String(given[name]);
      }),
      ...[Number(r.count), Number(r.unit), { fen: Number(r.money) }, Number(r.paidCount)],
      ...[Number(r.pmoney), { fen: Number(r.cash) }],
    ];
  });
}

function dateOf(day: number): string {
  const text = String(day);
  return `${text.slice(0, 4)}-${text.slice(4, 6)}-${text.slice(6)}`;
}
