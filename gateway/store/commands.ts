import type { DeviceCode, OrderId } from "@bluepower/protocol/units";
import {
  type CommandBody,
  type CommandOutcome,
  commandBody,
  commandOutcome,
} from "@bluepower/protocol/uplink/messages";
import { decodeJson } from "@bluepower/protocol/uplink/shape";
import type { Moment } from "./boots.ts";
import type { Sqlite } from "./database.ts";

/** Outcomes are kept for repeats; nobody repeats a command for longer than minutes. */
const KEEP_ANSWERED = 20_000;

/** A command of the cloud; `outcome` is null until it is known. `deadline` is cloud time, epoch ms. */
export interface StoredCommand {
  id: string;
  body: CommandBody;
  deadline: number;
  replyTo: string;
  received: Moment;
  outcome: CommandOutcome | null;
}

interface Row {
  id: string;
  kind: string;
  body: string;
  orderId: string | null;
  deviceCode: string | null;
  deadline: number;
  replyTo: string;
  boot: number;
  uptime: number;
  outcome: string | null;
}

/** The cloud's commands: stored before they are acted upon, with what came of them. */
export class Commands {
  /** The open ones as read since the last write: there are few, and every desk asks for its own in every turn. */
  #known: readonly StoredCommand[] | undefined;
  readonly #insert;
  readonly #get;
  readonly #open;
  readonly #outcome;
  readonly #trim;

  constructor(db: Sqlite) {
    this.#insert = db.prepare<[Row]>(
      `insert into command (id, kind, body, orderId, deviceCode, deadline, replyTo, boot, uptime, outcome)
       values (@id, @kind, @body, @orderId, @deviceCode, @deadline, @replyTo, @boot, @uptime, @outcome)`,
    );
    this.#get = db.prepare<[string], Row>("select * from command where id = ?");
    // The order of rows tempts the planner to walk the whole table, answered ones and all.
    this.#open = db.prepare<[], Row>(
      "select * from command indexed by commandOpen where outcome is null order by rowid",
    );
    this.#outcome = db.prepare<[string, string]>(
      "update command set outcome = ? where id = ? and outcome is null",
    );
    this.#trim = db.prepare<[number]>(
      "delete from command where outcome is not null and rowid <= (select max(rowid) from command) - ?",
    );
  }

  get(id: string): StoredCommand | undefined {
    const row = this.#get.get(id);
    return row === undefined ? undefined : fromRow(row);
  }

  insert(command: StoredCommand): void {
    const { body } = command;
    this.#known = undefined;
    this.#insert.run({
      id: command.id,
      kind: body.kind,
      body: JSON.stringify(body),
      orderId: body.kind === "blink" ? null : body.orderId,
      deviceCode: body.kind === "blink" || body.kind === "start" ? body.deviceCode : null,
      deadline: command.deadline,
      replyTo: command.replyTo,
      boot: command.received.boot,
      uptime: command.received.uptime,
      outcome: command.outcome === null ? null : JSON.stringify(command.outcome),
    });
  }

  /** Commands without an outcome, in the order in which they came. */
  open(): readonly StoredCommand[] {
    this.#known ??= this.#open.all().map(fromRow);
    return this.#known;
  }

  openOf(orderId: OrderId): StoredCommand[] {
    return this.open().filter((c) => c.body.kind !== "blink" && c.body.orderId === orderId);
  }

  openBlinks(deviceCode: DeviceCode): StoredCommand[] {
    return this.open().filter((c) => c.body.kind === "blink" && c.body.deviceCode === deviceCode);
  }

  /** The first outcome stands. */
  settle(id: string, outcome: CommandOutcome): void {
    this.#known = undefined;
    this.#outcome.run(JSON.stringify(outcome), id);
  }

  /** A transaction was rolled back: what was read inside it has never been. */
  rolledBack(): void {
    this.#known = undefined;
  }

  trim(): void {
    this.#trim.run(KEEP_ANSWERED);
  }
}

function fromRow(row: Row): StoredCommand {
  return {
    id: row.id,
    body: read(commandBody, row.body),
    deadline: row.deadline,
    replyTo: row.replyTo,
    received: { boot: row.boot, uptime: row.uptime },
    outcome: row.outcome === null ? null : read(commandOutcome, row.outcome),
  };
}

function read<T>(shape: (value: unknown, path: string) => T, text: string): T {
  const decoded = decodeJson(shape, text);
  if ("problem" in decoded) throw new Error(`stored command: ${decoded.problem}`);
  return decoded.value;
}
