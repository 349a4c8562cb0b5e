import type { DeviceCode, Minutes, OrderId, PortNo } from "@bluepower/protocol/units";
import type { EndReason, Evidence, FailReason } from "@bluepower/protocol/uplink/messages";
import type { Moment } from "./boots.ts";
import type { Sqlite } from "./database.ts";

/** Ended orders are kept so that a late command for one starts nothing: the newest of them. */
const KEEP_ENDED = 20_000;

export type OrderState = "starting" | "charging" | "finished" | "failed" | "cancelled";

/** One charge. */
export interface ChargeOrder {
  orderId: OrderId;
  deviceCode: DeviceCode;
  port: PortNo;
  minutes: Minutes;
  state: OrderState;
  /** Cloud time, epoch ms: past it the order is not switched on any more. */
  deadline: number;
  received: Moment;
  /** POWERONs that were sent, each counted before it goes out. */
  attempts: number;
  /** A POWERON went out and nobody knows yet whether it was carried out. */
  outstanding: boolean;
  attempted: Moment | null;
  /** The last reading of the port while it ran for this order; at the start what was ordered. */
  minutesLeft: number | null;
  leftAt: Moment | null;
  cancelWanted: boolean;
  /** Who wants it ended early. */
  stopWanted: "user" | "operator" | null;
  delivered: Minutes | null;
  endReason: EndReason | null;
  evidence: Evidence | null;
  failReason: FailReason | null;
  detail: string;
  /** False: it ended without evidence, and a later reading of the charger corrects the end. */
  settled: boolean;
}

/** An order whose cancelling came before its start: it has an end and nothing else. */
export interface Tombstone {
  orderId: OrderId;
  deviceCode: null;
  state: "cancelled";
  detail: string;
}

interface Row {
  orderId: string;
  deviceCode: string | null;
  port: number | null;
  minutes: number | null;
  state: string;
  deadline: number;
  boot: number;
  uptime: number;
  attempts: number;
  outstanding: number;
  attemptBoot: number | null;
  attemptUptime: number | null;
  minutesLeft: number | null;
  leftBoot: number | null;
  leftUptime: number | null;
  cancelWanted: number;
  stopWanted: string | null;
  delivered: number | null;
  endReason: string | null;
  evidence: string | null;
  failReason: string | null;
  detail: string;
  settled: number;
}

const columns = [
  ...["orderId", "deviceCode", "port", "minutes", "state", "deadline", "boot", "uptime", "attempts"],
  ...["outstanding", "attemptBoot", "attemptUptime", "minutesLeft", "leftBoot", "leftUptime", "cancelWanted"],
  ...["stopWanted", "delivered", "endReason", "evidence", "failReason", "detail", "settled"],
];

/** The charges, and which of them holds which port. All writes happen inside the caller's transaction. */
export class Orders {
  /** What `openOf` has read since the last write: a desk asks several times in one turn. */
  readonly #known = new Map<DeviceCode, readonly ChargeOrder[]>();
  readonly #save;
  readonly #get;
  readonly #open;
  readonly #openOf;
  readonly #holder;
  readonly #hold;
  readonly #release;
  readonly #counts;
  readonly #trim;

  constructor(db: Sqlite) {
    this.#save = db.prepare<[Row]>(
      `insert into chargeOrder (${columns.join(", ")}) values (${columns.map((c) => `@${c}`).join(", ")})
       on conflict (orderId) do update set ${columns.map((c) => `${c} = excluded.${c}`).join(", ")}`,
    );
    this.#get = db.prepare<[string], Row>("select * from chargeOrder where orderId = ?");
    this.#open = db.prepare<[], Row>(
      `select * from chargeOrder indexed by chargeOrderOpen
       where state in ('starting', 'charging') or settled = 0 order by rowid`,
    );
    this.#openOf = db.prepare<[string], Row>(
      `select * from chargeOrder where deviceCode = ? and (state in ('starting', 'charging') or settled = 0)
       order by rowid`,
    );
    this.#holder = db
      .prepare<[string, number], string>("select orderId from livePort where deviceCode = ? and port = ?")
      .pluck();
    this.#hold = db.prepare<[string, number, string]>(
      "insert into livePort (deviceCode, port, orderId) values (?, ?, ?)",
    );
    this.#release = db.prepare<[string]>("delete from livePort where orderId = ?");
    this.#counts = db.prepare<[], { state: OrderState; count: number }>(
      "select state, count(*) as count from chargeOrder group by state",
    );
    this.#trim = db.prepare<[number]>(
      `delete from chargeOrder where state not in ('starting', 'charging') and settled = 1
       and rowid <= (select max(rowid) from chargeOrder) - ?`,
    );
  }

  get(orderId: OrderId): ChargeOrder | Tombstone | undefined {
    const row = this.#get.get(orderId);
    return row === undefined ? undefined : fromRow(row);
  }

  /** Live orders and ended ones that still wait for evidence, oldest first. */
  open(): ChargeOrder[] {
    return this.#open
      .all()
      .map(fromRow)
      .filter((o): o is ChargeOrder => o.deviceCode !== null);
  }

  /** The same for one charger. */
  openOf(deviceCode: DeviceCode): readonly ChargeOrder[] {
    const known = this.#known.get(deviceCode);
    if (known !== undefined) return known;
    const read = this.#openOf
      .all(deviceCode)
      .map(fromRow)
      .filter((o): o is ChargeOrder => o.deviceCode !== null);
    this.#known.set(deviceCode, read);
    return read;
  }

  /** A transaction was rolled back: what was read inside it has never been. */
  rolledBack(): void {
    this.#known.clear();
  }

  /** The live order that holds a port. */
  holder(deviceCode: DeviceCode, port: PortNo): string | undefined {
    return this.#holder.get(deviceCode, port);
  }

  /** Stores an order. A live one takes its port: throws when another has it, so look with `holder` first. */
  insert(order: ChargeOrder): void {
    this.#store(toRow(order));
    if (isLive(order.state)) this.#hold.run(order.deviceCode, order.port, order.orderId);
  }

  /** Stores what changed; an order that is not live any more lets its port go. */
  update(order: ChargeOrder): void {
    this.#store(toRow(order));
    if (!isLive(order.state)) this.#release.run(order.orderId);
  }

  bury(orderId: OrderId, at: Moment, detail: string): void {
    this.#store({ ...emptyRow, orderId, state: "cancelled", boot: at.boot, uptime: at.uptime, detail });
  }

  counts(): Record<OrderState, number> {
    const found = { starting: 0, charging: 0, finished: 0, failed: 0, cancelled: 0 };
    for (const { state, count } of this.#counts.iterate()) found[state] = count;
    return found;
  }

  trim(): void {
    this.#trim.run(KEEP_ENDED);
  }

  #store(row: Row): void {
    this.#save.run(row);
    if (row.deviceCode !== null) this.#known.delete(row.deviceCode as DeviceCode);
  }
}

export const isLive = (state: OrderState): boolean => state === "starting" || state === "charging";

const emptyRow = {
  deviceCode: null,
  port: null,
  minutes: null,
  deadline: 0,
  attempts: 0,
  outstanding: 0,
  attemptBoot: null,
  attemptUptime: null,
  minutesLeft: null,
  leftBoot: null,
  leftUptime: null,
  cancelWanted: 0,
  stopWanted: null,
  delivered: null,
  endReason: null,
  evidence: null,
  failReason: null,
  settled: 1,
} satisfies Partial<Row>;

function toRow(order: ChargeOrder): Row {
  const { received, attempted, leftAt, ...plain } = order;
  return {
    ...plain,
    boot: received.boot,
    uptime: received.uptime,
    outstanding: Number(order.outstanding),
    attemptBoot: attempted?.boot ?? null,
    attemptUptime: attempted?.uptime ?? null,
    leftBoot: leftAt?.boot ?? null,
    leftUptime: leftAt?.uptime ?? null,
    cancelWanted: Number(order.cancelWanted),
    settled: Number(order.settled),
  };
}

/** Rows are written only by this program from checked values, so they are taken at their word. */
function fromRow(row: Row): ChargeOrder | Tombstone {
  if (row.deviceCode === null) {
    return { orderId: row.orderId as OrderId, deviceCode: null, state: "cancelled", detail: row.detail };
  }
  return {
    orderId: row.orderId as OrderId,
    deviceCode: row.deviceCode as DeviceCode,
    port: row.port as PortNo,
    minutes: row.minutes as Minutes,
    state: row.state as OrderState,
    deadline: row.deadline,
    received: { boot: row.boot, uptime: row.uptime },
    attempts: row.attempts,
    outstanding: row.outstanding === 1,
    attempted: moment(row.attemptBoot, row.attemptUptime),
    minutesLeft: row.minutesLeft,
    leftAt: moment(row.leftBoot, row.leftUptime),
    cancelWanted: row.cancelWanted === 1,
    stopWanted: row.stopWanted as ChargeOrder["stopWanted"],
    delivered: row.delivered as Minutes | null,
    endReason: row.endReason as EndReason | null,
    evidence: row.evidence as Evidence | null,
    failReason: row.failReason as FailReason | null,
    detail: row.detail,
    settled: row.settled === 1,
  };
}

const moment = (boot: number | null, uptime: number | null): Moment | null =>
  boot === null || uptime === null ? null : { boot, uptime };
