import { type Instant, instant } from "@bluepower/protocol/clock";
import { instantOf, wallTime } from "@bluepower/protocol/siteTime";
import { MAX_CHARGE_MINUTES } from "@bluepower/protocol/units";
import type { Tx } from "../database/database.ts";
import type { StoredOrder } from "./orderRow.ts";
import { DAMAGED } from "./portReports.ts";

/** Cancels of one user and day at chargers without a gateway: nobody but the user's phone says that the port is off. */
const CANCELS_A_DAY = 3;
/** A port seen running after its order was cancelled suspends its user's cancels for so long. */
const SUSPENDED_MS = 30 * 24 * 3_600_000;

/**
 * Whether an order at a charger without a gateway may be cancelled. `CANCEL_UNPROVEN`: the same user has not reported the port
 * free or damaged since the order. `CANCEL_LIMIT`: three cancels today, or a cancelled port was seen running within thirty days.
 */
export async function mayCancelUnproven(
  tx: Tx,
  of: { order: StoredOrder; at: Instant; zone: string },
): Promise<"CANCEL_UNPROVEN" | "CANCEL_LIMIT" | undefined> {
  const { order, at } = of;
  const report = await tx
    .selectFrom("port_report")
    .select("value")
    .where("deviceCode", "=", order.deviceCode)
    .where("port", "=", order.port)
    .where("user", "=", order.user)
    .where("insertTime", ">=", order.orderTime)
    .orderBy("insertTime", "desc")
    .orderBy("id", "desc")
    .limit(1)
    .executeTakeFirst();
  if (report === undefined || (report.value !== 0 && report.value !== DAMAGED)) return "CANCEL_UNPROVEN";
  const before = await cancelled(tx, order.user, at - SUSPENDED_MS - MAX_CHARGE_MINUTES * 60_000);
  const today = startOfDay(at, of.zone);
  if (before.filter((c) => c.endTime >= today).length >= CANCELS_A_DAY) return "CANCEL_LIMIT";
  for (const one of before) {
    if (await seenRunning(tx, one, at - SUSPENDED_MS)) return "CANCEL_LIMIT";
  }
  return undefined;
}

interface Cancelled {
  orderId: string;
  deviceCode: string;
  port: number;
  orderTime: number;
  endTime: number;
}

/** Orders at chargers without a gateway that this user has cancelled since. */
async function cancelled(tx: Tx, user: string, since: number): Promise<Cancelled[]> {
  const rows = await tx
    .selectFrom("order_info")
    .select(["orderId", "deviceCode", "port", "orderTime", "endTime"])
    .where("user", "=", user)
    .where("gatewayId", "is", null)
    .where("state", "=", "cancelled")
    .where("cancelReason", "=", "USER")
    .where("endTime", ">=", since)
    .orderBy("id", "desc")
    .execute();
  return rows.map((r) => ({ ...r, endTime: r.endTime ?? r.orderTime }));
}

/** A report since then of the port running, as long as the cancelled charge could last, that no other order explains. */
async function seenRunning(tx: Tx, one: Cancelled, since: number): Promise<boolean> {
  const reports = await tx
    .selectFrom("port_report")
    .select("insertTime")
    .where("deviceCode", "=", one.deviceCode)
    .where("port", "=", one.port)
    .where("value", ">", 0)
    .where("value", "<", DAMAGED)
    .where("insertTime", ">", Math.max(one.endTime, since))
    .where("insertTime", "<=", one.orderTime + MAX_CHARGE_MINUTES * 60_000)
    .execute();
  for (const report of reports) {
    const other = await tx
      .selectFrom("order_info")
      .select("orderId")
      .where("deviceCode", "=", one.deviceCode)
      .where("port", "=", one.port)
      .where("state", "in", ["charging", "finished"])
      .where("orderTime", "<=", report.insertTime)
      .where((e) => e.or([e("endTime", "is", null), e("endTime", ">=", report.insertTime)]))
      .executeTakeFirst();
    if (other === undefined) return true;
  }
  return false;
}

function startOfDay(at: Instant, zone: string): Instant {
  const day = { ...wallTime(at, zone), hour: 0, minute: 0, second: 0 };
  return instantOf(day, zone) ?? instant(at - 24 * 3_600_000);
}

/**
 * To be called with every port that a phone reports at a charger without a gateway: a port that runs without a live order, after
 * its last order was cancelled, goes to the operator (spec 2, step 5).
 */
export async function watchReportedPort(
  tx: Tx,
  report: { deviceCode: string; port: number; value: number; at: Instant },
): Promise<void> {
  const { deviceCode, port, value, at } = report;
  if (value === 0 || value === DAMAGED) return;
  const last = await tx
    .selectFrom("order_info")
    .select(["orderId", "user", "state", "orderTime"])
    .where("deviceCode", "=", deviceCode)
    .where("port", "=", port)
    .where("orderTime", ">=", at - MAX_CHARGE_MINUTES * 60_000)
    .where("gatewayId", "is", null)
    .orderBy("id", "desc")
    .limit(1)
    .executeTakeFirst();
  if (last?.state !== "cancelled") return;
  await tx
    .insertInto("audit_log")
    .values({
      who: "cloud",
      what: "order.cancelled_runs",
      object: last.orderId,
      detail: `${deviceCode} port ${port} was reported with ${value} minutes left`,
      insertTime: at,
    })
    .execute();
}
