import Sqlite from "better-sqlite3";
import type { Site } from "../e2e/site.ts";

/** What the cloud has stored, read from its file: also while it does not run, and no connection stays open. */
function read<T>(site: Site, work: (db: Sqlite.Database) => T): T {
  const db = new Sqlite(site.databaseFile(), { readonly: true });
  try {
    return work(db);
  } finally {
    db.close();
  }
}

/** The id of the only order of somebody, empty before there is one. */
export const orderOf = (site: Site, user: string): string =>
  read(site, (db) => {
    const ids = db.prepare<[string], string>("select orderId from order_info where user = ?").pluck();
    return ids.get(user) ?? "";
  });

/** Whether WeChat has been told of every delivery. */
export const toldDeliveries = (site: Site): boolean =>
  read(site, (db) => db.prepare("select 1 from wx_payment where shipTime is not null").get() === undefined);

/** How the refunds of an order stand. */
export const refundsOf = (site: Site, orderId: string): string[] =>
  read(site, (db) =>
    db.prepare<[string], string>("select state from refund_info where subject = ?").pluck().all(orderId),
  );

/** Whether a change that was asked for since then (epoch ms) is done: its answer is stored with it. */
export const wasStored = (site: Site, of: { method: string; since: number }): boolean =>
  read(site, (db) => {
    const answered = db.prepare<[string, number]>(
      "select 1 from answered_call where method = ? and insertTime >= ?",
    );
    return answered.get(of.method, of.since) !== undefined;
  });
