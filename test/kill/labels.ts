import { H4 } from "@bluepower/protocol/hci/h4";

/**
 * Names for what a program does to the outside, read from what it does: statements of a commit, bytes of a socket. A name says
 * nothing that differs from run to run (ids, times), so that a recorded point is found again.
 */

/** Columns whose value tells one write of a table from another. */
const TELLING: Record<string, readonly string[]> = {
  order_info: ["state", "payState"],
  order_pay_info: ["state"],
  refund_info: ["state"],
  ledger_transfer: ["reason"],
  chargeOrder: ["state", "outstanding", "cancelWanted", "stopWanted"],
  journal: ["kind"],
  meta: ["key"],
  command: ["kind", "state"],
};

/** Kept on a timer, whatever happens: no part of what a person does. */
const IDLE = ["boot", "meta=timeFloor", "gateway.seenTime"];
/** Go with other tables and add nothing to the name. */
const COMPANIONS = [
  ...["ledger_account", "user_info", "answered_call", "audit_log", "device_info", "gateway"],
  ...["livePort", "chargerPorts"],
];

/** What a statement writes, `table` or `table=value…`; undefined for one that writes nothing. */
export function writeOf(sql: string, parameters: readonly unknown[]): string | undefined {
  const statement = /^\s*(insert(?: or \w+)? into|update|delete from)\s+"?(\w+)"?/i.exec(sql);
  const table = statement?.[2];
  if (statement === null || table === undefined) return undefined;
  const verb = statement[1]?.[0]?.toLowerCase();
  if (verb === "d") return table;
  const set = verb === "u" ? updated(sql, parameters) : inserted(sql, parameters);
  if (table === "gateway" && set.has("seenTime")) return "gateway.seenTime";
  const values = (TELLING[table] ?? [])
    .map((column) => named(column, set.get(column)))
    .filter((v) => v !== undefined);
  // The cloud keeps the kind of a command in its body.
  const body = table === "command" && !set.has("kind") ? set.get("body") : undefined;
  if (typeof body === "string") values.unshift(String((JSON.parse(body) as { kind?: unknown }).kind));
  return values.length === 0 ? table : `${table}=${values.join(",")}`;
}

function named(column: string, value: unknown): string | undefined {
  if (value === undefined || value === null || value === 0) return undefined;
  return typeof value === "number" ? (value === 1 ? column : `${column}${value}`) : String(value);
}

/** The value that each place of a statement is bound to, by the place. */
function bound(sql: string, parameters: readonly unknown[]): Map<number, unknown> {
  const places = new Map<number, unknown>();
  let next = 0;
  for (const place of sql.matchAll(/\?|@(\w+)/g)) {
    const name = place[1];
    const named = parameters[0] as Record<string, unknown> | undefined;
    places.set(place.index, name === undefined ? parameters[next++] : named?.[name]);
  }
  return places;
}

function updated(sql: string, parameters: readonly unknown[]): Map<string, unknown> {
  const places = bound(sql, parameters);
  const set = new Map<string, unknown>();
  const end = sql.search(/\swhere\s/i);
  for (const pair of sql.slice(0, end < 0 ? undefined : end).matchAll(/"?(\w+)"? = (?=[?@])/g)) {
    set.set(pair[1] ?? "", places.get(pair.index + pair[0].length));
  }
  return set;
}

function inserted(sql: string, parameters: readonly unknown[]): Map<string, unknown> {
  const places = bound(sql, parameters);
  const set = new Map<string, unknown>();
  const parts = /\(([^)]*)\)\s*values\s*\(/i.exec(sql);
  if (parts === null) return set;
  const columns = (parts[1] ?? "").split(",").map((c) => c.replaceAll('"', "").trim());
  let at = parts.index + parts[0].length;
  for (const column of columns) {
    const space = /^\s*/.exec(sql.slice(at))?.[0].length ?? 0;
    if (places.has(at + space)) set.set(column, places.get(at + space));
    const comma = sql.indexOf(",", at);
    if (comma < 0) break;
    at = comma + 1;
  }
  return set;
}

/** What is applied of a gateway's events, and whether it changed an order, is told apart: the order may have changed before. */
const CURSOR = "gateway_cursor";

/** The names of a commit; none for one that nobody would miss. */
export function commitLabels(writes: Iterable<string>): string[] {
  const kept = [...new Set(writes)].filter((w) => !IDLE.includes(w));
  const main = kept.filter((w) => w !== CURSOR && !COMPANIONS.includes(w)).toSorted();
  const cursor = kept.includes(CURSOR) ? [`commit ${CURSOR}`] : [];
  if (main.length > 0) return [`commit ${main.join(" ")}`, ...cursor];
  return cursor.length > 0 || kept.length === 0 ? cursor : [`commit ${kept.toSorted().join(" ")}`];
}

/** A message of MQTT; `identity` is the same when it is said again, undefined where nothing tells it from the one before. */
export interface Said {
  label: string;
  identity: string | undefined;
}

/** The names of the messages that bytes to a broker, or from one, publish; empty when they are something else. */
export function mqttLabels(bytes: Buffer): Said[] {
  const said: Said[] = [];
  let at = 0;
  while (at + 2 <= bytes.length) {
    const head = bytes[at] ?? 0;
    let length = 0;
    let shift = 0;
    let byte: number;
    at += 1;
    do {
      byte = bytes[at++] ?? 0;
      length += (byte & 0x7f) << shift;
      shift += 7;
    } while (byte > 0x7f && shift < 28);
    const end = at + length;
    if (end > bytes.length) return said;
    if (head >> 4 === 3 && at + 2 <= end) {
      const topicEnd = at + 2 + bytes.readUInt16BE(at);
      const topic = bytes.toString("utf8", at + 2, topicEnd);
      const payload = bytes.toString("utf8", topicEnd + ((head & 6) === 0 ? 0 : 2), end);
      if (/^(up|gw|cloud)\/[\w/-]+$/.test(topic)) said.push(...messageLabels(topic, payload));
    }
    at = end;
  }
  return said;
}

function messageLabels(topic: string, payload: string): Said[] {
  const what = topic.split("/").at(-1) ?? "";
  const message = JSON.parse(payload) as {
    id?: string;
    re?: string;
    acked?: number;
    version?: number;
    command?: { kind: string };
    outcome?: { kind: string };
    events?: { seq: number; kind: string }[];
  };
  switch (what) {
    case "cmd":
      return [{ label: `mqtt ${message.command?.kind}`, identity: `cmd ${message.id}` }];
    case "r":
      return [{ label: `mqtt answer ${message.outcome?.kind}`, identity: `r ${message.id}` }];
    case "ev":
      return (message.events ?? []).map((e) => ({ label: `mqtt event ${e.kind}`, identity: `ev ${e.seq}` }));
    case "ack":
      return [{ label: "mqtt ack", identity: `ack ${message.acked}` }];
    case "desired":
      return [{ label: "mqtt desired", identity: `desired ${message.version}` }];
    case "hello":
    case "welcome":
      return [{ label: `mqtt ${what}`, identity: `${what} ${message.re}` }];
    case "want":
      return [{ label: "mqtt want", identity: undefined }];
    default:
      return [];
  }
}

/** Asked again and again by whoever watches: the time of day of these is nobody's step. */
const WATCHED = ["getPowerOrder", "getDeviceInfo", "healthz", "metrics", "status"];

/** The name of an answer of the HTTP server to the path given. */
export function answerLabel(bytes: Buffer, path: string): string | undefined {
  const status = /^HTTP\/1\.[01] (\d{3}) /.exec(bytes.toString("latin1", 0, 16))?.[1];
  const method = plainPath(path);
  if (status === undefined || WATCHED.includes(method.split("/").at(-1) ?? "")) return undefined;
  return `http ${status} ${method}`;
}

/** The name of a request of an HTTP client. */
export function requestLabel(bytes: Buffer): string | undefined {
  const line = /^(GET|POST|PUT|DELETE|PATCH) (\S+) HTTP\/1\.1\r\n/.exec(bytes.toString("latin1", 0, 500));
  return line === null ? undefined : `http ${line[1]} ${plainPath(line[2] ?? "")}`;
}

/** Without what is looked for, and without the numbers of orders. */
const plainPath = (path: string): string =>
  (path.split("?")[0] ?? "")
    .replace(/^\/oapi\/\w+\/1_0\//, "")
    .split("/")
    .map((part) => (/\d{6}/.test(part) ? "*" : part))
    .join("/");

/** What noble sends to a charger: ATT write request and write command. */
const ATT_WRITES = [0x12, 0x52];
const ATT_CHANNEL = 4;

/** The clock of a charger is looked after on a timer, and as often as a link is opened. */
const CLOCK = ["QTIME", "STIME"];

/** Follows the frames to chargers through their chunks. */
export class Frames {
  readonly #open = new Map<number, { name: string; chunk: number }>();
  /** The frame that went out last, whichever link it took: chargers are asked one by one. */
  #last = "";

  /** The name of the chunk that an H4 packet carries; undefined for every other packet. */
  label(packet: Buffer): string | undefined {
    if (packet[0] !== H4.ACL_DATA || packet.length < 12) return undefined;
    const handle = packet.readUInt16LE(1) & 0xfff;
    const continues = (packet.readUInt16LE(1) >> 12) & 1;
    if (continues === 0) {
      const isWrite = packet.readUInt16LE(7) === ATT_CHANNEL && ATT_WRITES.includes(packet[9] ?? 0);
      if (!isWrite) return undefined;
    }
    return this.chunk(handle, packet.toString("latin1", continues === 0 ? 12 : 5));
  }

  chunk(link: number, text: string): string | undefined {
    const begins = /^@([A-Z]+)/.exec(text)?.[1];
    const known = this.#open.get(link);
    if (begins === undefined && known === undefined) return undefined;
    const frame =
      begins !== undefined
        ? { name: begins, chunk: 1 }
        : { name: known?.name ?? "", chunk: (known?.chunk ?? 0) + 1 };
    this.#last = frame.name;
    if (text.includes("&")) this.#open.delete(link);
    else this.#open.set(link, frame);
    if (CLOCK.includes(frame.name)) return undefined;
    return `frame ${frame.name} ${frame.chunk}`;
  }

  /** The name of what is said to the gateway about the frame that went out last. */
  answer(kind: string): string | undefined {
    return this.#last === "" || CLOCK.includes(this.#last) ? undefined : `tell ${kind} ${this.#last}`;
  }
}
