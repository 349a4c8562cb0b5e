/**
 * The charger's frames (spec 1): ASCII text from `@` to `&`, fields parted by `|`. Codecs are total:
 * what does not parse is a `problem`, never an exception.
 */

export const QUERY_NAMES = ["QTIME", "STA", "LEDBLINK"] as const;
export const SET_NAMES = ["STIME", "POWERON", "POWEROFF", "POWEROFFALL"] as const;
export type QueryName = (typeof QUERY_NAMES)[number];
export type SetName = (typeof SET_NAMES)[number];

/** How many parameters a set command has before timestamp and signature. */
const parameterCount: Record<SetName, number> = { STIME: 1, POWERON: 2, POWEROFF: 1, POWEROFFALL: 0 };

/** A request as it stands in the frame: parameters are text, because the signature covers the text. */
export type Request =
  | { kind: "query"; name: QueryName }
  | { kind: "set"; name: SetName; parameters: string[]; timestamp: string; signature: string };

export type FrameProblem = "not_a_frame" | "unknown_command" | "wrong_field_count" | "bad_result";

/** Results: 0 done, 1 failed, 2 timestamp error, 3 signature error. */
export type ResultCode = 0 | 1 | 2 | 3;
export interface Reply {
  result: ResultCode;
  /** Fields behind the result; empty when there are none. */
  payload: string[];
}

export function encodeRequest(request: Request): string {
  const fields =
    request.kind === "query"
      ? [request.name]
      : [request.name, ...request.parameters, request.timestamp, request.signature];
  return `@${fields.join("|")}&`;
}

export function encodeReply(reply: Reply): string {
  return `@${["OK", String(reply.result), ...reply.payload].join("|")}&`;
}

/** Fields of one whole frame, without `@` and `&`; undefined when it has no beginning or end. */
function fieldsOf(frame: string): string[] | undefined {
  if (frame.length < 2 || !frame.startsWith("@") || !frame.endsWith("&")) return undefined;
  return frame.slice(1, -1).split("|");
}

export function decodeRequest(frame: string): Request | { problem: FrameProblem } {
  const fields = fieldsOf(frame);
  if (fields === undefined) return { problem: "not_a_frame" };
  const [name, ...rest] = fields;
  const query = QUERY_NAMES.find((n) => n === name);
  if (query !== undefined) {
    return rest.length === 0 ? { kind: "query", name: query } : { problem: "wrong_field_count" };
  }
  const set = SET_NAMES.find((n) => n === name);
  if (set === undefined) return { problem: "unknown_command" };
  const signature = rest.pop();
  const timestamp = rest.pop();
  if (signature === undefined || timestamp === undefined || rest.length !== parameterCount[set]) {
    return { problem: "wrong_field_count" };
  }
  return { kind: "set", name: set, parameters: rest, timestamp, signature };
}

/**
 * A charger's answer. Printed examples write `0K`, the letter `O` for the digit 0, and blanks; firmware that
 * follows the print is understood too.
 */
export function decodeReply(frame: string): Reply | { problem: FrameProblem } {
  const fields = fieldsOf(frame)?.map((f) => f.trim());
  if (fields === undefined) return { problem: "not_a_frame" };
  const [name, code, ...rest] = fields;
  if (name !== "OK" && name !== "0K") return { problem: "unknown_command" };
  if (code === undefined) return { problem: "wrong_field_count" };
  const result = ["0", "1", "2", "3"].indexOf(digits(code));
  if (result < 0) return { problem: "bad_result" };
  return { result: result as ResultCode, payload: rest.map(digits) };
}

const digits = (field: string): string => field.replaceAll("O", "0");

/** What a charger says of one port: minutes left are rounded up, so a running port never reads 0. */
export type PortReading =
  | { port: number; state: "free" }
  | { port: number; state: "running"; minutesLeft: number }
  | { port: number; state: "damaged" };

/** The payload of `STA`: a port digit and three digits each. Undefined when a field has another form or a port stands twice. */
export function decodePorts(payload: readonly string[]): PortReading[] | undefined {
  const seen = new Set<number>();
  const ports: PortReading[] = [];
  for (const field of payload) {
    if (!/^[1-9][0-9]{3}$/.test(field)) return undefined;
    const port = Number(field[0]);
    if (seen.has(port)) return undefined;
    seen.add(port);
    const n = Number(field.slice(1));
    if (n === 0) ports.push({ port, state: "free" });
    else if (n === 999) ports.push({ port, state: "damaged" });
    else ports.push({ port, state: "running", minutesLeft: n });
  }
  return ports.length === 0 ? undefined : ports;
}

export function encodePorts(ports: readonly PortReading[]): string[] {
  return ports.map((p) => {
    const n = p.state === "free" ? 0 : p.state === "damaged" ? 999 : p.minutesLeft;
    return `${p.port}${String(n).padStart(3, "0")}`;
  });
}

/** `portState` on the HTTP wire and in `device_info`: the STA fields joined, `1020201030004999` (spec 2). */
export const joinPorts = (ports: readonly PortReading[]): string => encodePorts(ports).join("");

export function splitPorts(joined: string): PortReading[] | undefined {
  if (joined.length === 0 || joined.length % 4 !== 0) return undefined;
  return decodePorts(joined.match(/.{4}/g) ?? []);
}
