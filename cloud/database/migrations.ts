import type { Migration } from "kysely";
import { first } from "./migrations/0001_first.ts";
import { wxPayment } from "./migrations/0002_wx_payment.ts";
import { orderSums } from "./migrations/0003_order_sums.ts";
import { cashOut } from "./migrations/0004_cash_out.ts";
import { cashOutRate } from "./migrations/0005_cash_out_rate.ts";
import { operators } from "./migrations/0006_operators.ts";
import { professions } from "./migrations/0007_professions.ts";
import { withdrawable } from "./migrations/0008_withdrawable.ts";
import { shipping } from "./migrations/0009_shipping.ts";
import { billDifference } from "./migrations/0010_bill_difference.ts";
import { ledgerMoves } from "./migrations/0011_ledger_moves.ts";
import { rebound } from "./migrations/0012_rebound.ts";

/**
 * Forward only, in the order of their names; one that has been released is never changed. But for the keys that count by
 * themselves (`integer primary key` on SQLite) the SQL is what SQLite and PostgreSQL share.
 */
export const migrations: Record<string, Migration> = {
  "0001_first": first,
  "0002_wx_payment": wxPayment,
  "0003_order_sums": orderSums,
  "0004_cash_out": cashOut,
  "0005_cash_out_rate": cashOutRate,
  "0006_operators": operators,
  "0007_professions": professions,
  "0008_withdrawable": withdrawable,
  "0009_shipping": shipping,
  "0010_bill_difference": billDifference,
  "0011_ledger_moves": ledgerMoves,
  "0012_rebound": rebound,
};
