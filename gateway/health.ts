import type { Fill } from "./store/store.ts";
import type { Book } from "./supervisor/book.ts";

/**
 * Tells in the journal how full the store is, each time that changes (spec 4, "Sync": a full disk is an alarm). To be
 * called now and then. Where the disk takes nothing at all the log and `/healthz` say it, and the journal afterwards.
 */
export function healthTeller(): (book: Book) => void {
  let told: Fill = "ok";
  return (book) => {
    const { fill } = book.store;
    if (fill === told) return;
    const detail = { store: fill, usedPercent: Math.round(book.store.used() * 100) };
    if (book.write((page) => page.note({ kind: "health", body: { detail } })).kind === "written") told = fill;
  };
}
