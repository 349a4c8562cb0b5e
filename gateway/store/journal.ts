import { EVENTS_PER_MESSAGE, type GatewayEvent, type WireEvent } from "@bluepower/protocol/uplink/messages";
import type { Boots, Moment } from "./boots.ts";
import type { Sqlite } from "./database.ts";
import type { Meta } from "./meta.ts";

/** Acknowledged entries stay this long, in time run: a database that failed over may ask for them again (spec 4, "Sync"). */
export const KEEP_ACKNOWLEDGED = 72 * 3600_000;
/** And not more than this, whatever their age. */
export const KEEP_BYTES = 64 * 1024 * 1024;
/** A batch ends early at this size, so that a message stays far below a broker's packet limit. */
const BATCH_BYTES = 64 * 1024;

interface Row {
  seq: number;
  kind: string;
  body: string;
  boot: number;
  uptime: number;
}

/** The gateway's facts in the order of their numbers, 1, 2, 3 …, and how far the cloud has acknowledged them. */
export class Journal {
  readonly #boots: Boots;
  readonly #meta: Meta;
  readonly #insert;
  readonly #after;
  readonly #last;
  readonly #written;
  readonly #size;
  readonly #first;
  readonly #delete;
  readonly #negate;
  readonly #restore;
  readonly #raise;

  constructor(db: Sqlite, boots: Boots, meta: Meta) {
    this.#boots = boots;
    this.#meta = meta;
    this.#insert = db.prepare<[string, string, number, number, number, number]>(
      "insert into journal (kind, body, boot, uptime, writtenBoot, writtenUptime) values (?, ?, ?, ?, ?, ?)",
    );
    this.#after = db.prepare<[number, number], Row>(
      "select seq, kind, body, boot, uptime from journal where seq > ? order by seq limit ?",
    );
    this.#last = db
      .prepare<[], number>("select coalesce((select seq from sqlite_sequence where name = 'journal'), 0)")
      .pluck();
    this.#written = db.prepare<[number], { boot: number; uptime: number }>(
      "select writtenBoot as boot, writtenUptime as uptime from journal where seq >= ? order by seq limit 1",
    );
    this.#size = db
      .prepare<[number], number | null>("select sum(length(body) + 64) from journal where seq <= ?")
      .pluck();
    this.#first = db.prepare<[], number | null>("select min(seq) from journal").pluck();
    this.#delete = db.prepare<[number]>("delete from journal where seq <= ?");
    this.#negate = db.prepare<[number, number]>("update journal set seq = -(seq + ?) where seq > ?");
    this.#restore = db.prepare<[]>("update journal set seq = -seq where seq < 0");
    this.#raise = db.prepare<[number]>(
      "insert or replace into sqlite_sequence (rowid, name, seq) values ((select rowid from sqlite_sequence where name = 'journal'), 'journal', ?)",
    );
  }

  /** Adds a fact inside the caller's transaction; `at` is when it happened, if not now. */
  append(event: GatewayEvent, at: Moment = this.#boots.now()): number {
    const written = this.#boots.now();
    const { lastInsertRowid } = this.#insert.run(
      event.kind,
      JSON.stringify(event.body),
      at.boot,
      at.uptime,
      written.boot,
      written.uptime,
    );
    return Number(lastInsertRowid);
  }

  /** The next entries after `seq`, at most one message full. */
  after(seq: number): WireEvent[] {
    const events: WireEvent[] = [];
    let bytes = 0;
    for (const row of this.#after.iterate(seq, EVENTS_PER_MESSAGE)) {
      bytes += row.body.length + 80;
      if (events.length > 0 && bytes > BATCH_BYTES) break;
      const { at, quality } = this.#boots.wall(row);
      events.push({ seq: row.seq, kind: row.kind, at, quality, body: JSON.parse(row.body) });
    }
    return events;
  }

  /** Number of the newest entry ever written, 0 before the first. */
  last(): number {
    return this.#last.get() ?? 0;
  }

  /** The first number that is still here; an answer below it cannot be followed. */
  first(): number {
    return this.#first.get() ?? this.last() + 1;
  }

  /**
   * The cloud has applied events up to `acked` that are not here: the store is an older copy of itself. What it has not
   * known as acknowledged follows behind them, because the cloud would skip it under its present numbers; an event that
   * it already has says nothing new. Inside the caller's transaction.
   */
  continueBehind(acked: number): void {
    const mark = this.acknowledged();
    const shift = acked - mark;
    // Numbers are keys: by way of negative ones none meets another.
    this.#negate.run(shift, mark);
    this.#restore.run();
    this.#raise.run(Math.max(acked, this.last() + shift));
    this.acknowledge(acked);
  }

  /** What the cloud has acknowledged, as last stored. */
  acknowledged(): number {
    return Number(this.#meta.get("acknowledged") ?? 0);
  }

  /** Inside the caller's transaction. */
  acknowledge(seq: number): void {
    this.#meta.set("acknowledged", String(seq));
  }

  /** Deletes acknowledged entries that are too old or too many. Entries the cloud has not acknowledged are never deleted. */
  trim(): void {
    const acknowledged = this.acknowledged();
    let below = this.#bisect(acknowledged, (seq) => {
      const written = this.#written.get(seq);
      return (
        written !== undefined && this.#boots.operated() - this.#boots.operated(written) > KEEP_ACKNOWLEDGED
      );
    });
    const excess = (this.#size.get(acknowledged) ?? 0) - KEEP_BYTES;
    if (excess > 0) {
      below = Math.max(
        below,
        this.#bisect(acknowledged, (seq) => (this.#size.get(seq) ?? 0) <= excess),
      );
    }
    if (below > 0) this.#delete.run(below);
  }

  /** The greatest number up to `high` for which `holds`, which holds for small numbers only; 0 when there is none. */
  #bisect(high: number, holds: (seq: number) => boolean): number {
    let low = this.first() - 1;
    let top = high;
    while (low < top) {
      const middle = Math.ceil((low + top) / 2);
      if (holds(middle)) low = middle;
      else top = middle - 1;
    }
    return low < this.first() ? 0 : low;
  }
}
