import { instant } from "@bluepower/protocol/clock";
import { wallTime } from "@bluepower/protocol/siteTime";
import { type Migration, sql } from "kysely";
import { statements } from "./statements.ts";

/** Sums that are kept with every change of an order, filled with what there is. */
export const orderSums: Migration = {
  async up(db) {
    await statements(db, tables);
    const { rows } = await sql<Listed>`
      select manager, "deviceCode", "orderTime", unit, money, pmoney, cash, "payState" from order_info
      where state in ('charging', 'finished') and "payState" <> 'waived' order by id`.execute(db);
    for (const row of rows) {
      const { year, month, day } = wallTime(instant(Number(row.orderTime)), ZONE);
      await sql`
        insert into order_day (manager, "deviceCode", day, count, unit, money, "paidCount", pmoney, cash)
        values (${row.manager}, ${row.deviceCode}, ${(year * 100 + month) * 100 + day}, 1, ${row.unit}, ${row.money},
          ${row.payState === "paid" ? 1 : 0}, ${row.pmoney}, ${row.cash})
        on conflict (manager, "deviceCode", day) do update set
          count = order_day.count + 1, unit = order_day.unit + excluded.unit,
          money = order_day.money + excluded.money, "paidCount" = order_day."paidCount" + excluded."paidCount",
          pmoney = order_day.pmoney + excluded.pmoney, cash = order_day.cash + excluded.cash`.execute(db);
    }
  },
};

/** Days are those of this zone until the cloud starts with another one. */
const ZONE = "Asia/Shanghai";

interface Listed {
  manager: string;
  deviceCode: string;
  orderTime: number;
  unit: number;
  money: number;
  pmoney: number;
  cash: number;
  payState: string;
}

const tables = `
create table order_day (
  manager text not null, "deviceCode" text not null, day integer not null, count bigint not null,
  unit bigint not null, money bigint not null, "paidCount" bigint not null, pmoney bigint not null,
  cash bigint not null, primary key (manager, day, "deviceCode"));
create table manager_money (
  manager text primary key, count bigint not null, money bigint not null, debt bigint not null);
insert into manager_money (manager, count, money, debt)
  select manager, count(*), sum(money), 0 from order_info
  where "payState" = 'paid' and "cashOutFlag" = 0 and money > 0 group by manager
`;
