/**
 * Messages between gateway and cloud, JSON over MQTT (spec 4, "Sync"). The broker is a lossy pipe: events are
 * stored at the gateway until the cloud has acknowledged them after its commit; commands are repeated by the cloud
 * until answered or past their deadline. `sentAt` is cloud time in epoch ms: a gateway judges deadlines by it.
 */
import {
  isChargeMinutes,
  isChipId,
  isDeviceCode,
  isGatewayId,
  isJamCode,
  isMinutes,
  isOrderId,
  isPhone,
  isPortNo,
} from "../units.ts";
import {
  anything,
  boolean,
  byKind,
  ifMissing,
  integer,
  is,
  list,
  nullable,
  object,
  oneOf,
  type Shape,
  type Shaped,
  string,
  whole,
} from "./shape.ts";

const deviceCode = is(isDeviceCode, "a device code, 8 of 0-9A-Za-z");
const orderId = is(isOrderId, "an order id, 14 digits beginning with 9");
const port = is(isPortNo, "a port, 1 to 4");
const chargeMinutes = is(isChargeMinutes, "1 to 360 minutes");
const minutes = is(isMinutes, "whole minutes");
const gateway = is(isGatewayId, "a gateway id");
const phone = is(isPhone, "11 digits beginning with 1");
const id = string(64);

/** How far a wall time of a gateway can be trusted. */
export const quality = oneOf("synced", "charger", "unknown");
export type Quality = Shaped<typeof quality>;

/** What shows that a charge began or ended as told: the charger's own answer, a later STA, or nothing. */
export const evidence = oneOf("reply", "sta", "none");
export type Evidence = Shaped<typeof evidence>;

export const endReason = oneOf("time", "user", "port_damaged", "charger_lost", "operator");
export type EndReason = Shaped<typeof endReason>;

/** Why an order never began. */
export const failReason = oneOf(
  "port_busy",
  "port_damaged",
  "charger_unreachable",
  "charger_misconfigured",
  "charger_refused",
  "device_unknown",
  "profile_unknown",
  "late",
  "time_unknown",
  "store_full",
  "cancelled",
);
export type FailReason = Shaped<typeof failReason>;

// ---- up

/** First message of every connection. `stream` is the random id of the outbox database. */
export const hello = object({
  v: whole,
  program: string(40),
  speaks: object({ min: whole, max: whole }),
  stream: id,
  /** Names this connection; the welcome repeats it. */
  re: id,
  /** Version of the desired state that is stored; null when there is none. */
  desired: nullable(whole),
});
export type Hello = Shaped<typeof hello>;

/**
 * Facts by kind. `order.started`, `order.failed`, `order.cancelled`, `order.finished` are about orders; the gateway's
 * `failed` and `cancelled` never began (or were off again before anybody was told that they run).
 */
export const eventBodies = {
  "charger.seen": object({ deviceCode, rssi: nullable(integer) }),
  "charger.lost": object({ deviceCode, reason: string(200) }),
  "charger.misconfigured": object({ deviceCode, reason: string(200) }),
  /** `ports` as on the HTTP wire: the STA fields joined. */
  "port.changed": object({ deviceCode, ports: string(36) }),
  "port.foreign": object({ deviceCode, port, minutes, switchedOff: boolean }),
  "order.started": object({ orderId, deviceCode, port, minutes, evidence }),
  "order.failed": object({ orderId, reason: failReason, detail: string(200) }),
  "order.cancelled": object({ orderId, detail: string(200) }),
  /** `minutes` are the proven minutes delivered. A second one for an order corrects the first. */
  "order.finished": object({ orderId, minutes, endReason, evidence }),
  health: object({ detail: anything }),
} satisfies Record<string, Shape<unknown>>;
export type EventKind = keyof typeof eventBodies;
export type EventBody<K extends EventKind> = Shaped<(typeof eventBodies)[K]>;
/** An event as the gateway's program makes it. */
export type GatewayEvent = { [K in EventKind]: { kind: K; body: EventBody<K> } }[EventKind];

/** `at` is the gateway's wall time (epoch ms) of the fact. Unknown kinds are stored and acknowledged, so `body` is checked per kind. */
export const wireEvent = object({ seq: whole, kind: string(60), at: whole, quality, body: anything });
export type WireEvent = Shaped<typeof wireEvent>;

export const EVENTS_PER_MESSAGE = 200;
/** A batch; an empty one is a question for the cursor. `no` counts messages of this connection. */
export const events = object({
  v: whole,
  stream: id,
  no: whole,
  events: list(wireEvent, EVENTS_PER_MESSAGE),
});
export type Events = Shaped<typeof events>;

/** Asks for the whole desired state. */
export const want = object({ v: whole, have: nullable(whole) });
export type Want = Shaped<typeof want>;

/** The will: the broker says it when the connection has gone. */
export const gone = object({ v: whole, stream: id });
export type Gone = Shaped<typeof gone>;

// ---- down

/** Answer to hello. Anything but `ok` means: nothing is taken from this gateway, `message` says what to do. */
export const welcome = object({
  v: whole,
  sentAt: whole,
  re: id,
  result: oneOf("ok", "version_unsupported", "stream_unknown"),
  message: string(300),
  /** Last sequence number the cloud has applied. */
  acked: whole,
});
export type Welcome = Shaped<typeof welcome>;

export const ack = object({ v: whole, sentAt: whole, stream: id, acked: whole, re: whole });
export type Ack = Shaped<typeof ack>;

export const commandBody = byKind({
  start: object({ orderId, deviceCode, port, minutes: chargeMinutes }),
  /** Ends a running charge early. */
  stop: object({ orderId, endReason: oneOf("user", "operator") }),
  /** For an order of which the cloud does not know yet whether it began: it never begins, or is switched off again. */
  cancel: object({ orderId }),
  blink: object({ deviceCode }),
});
export type CommandBody = Shaped<typeof commandBody>;

/** `deadline` is cloud time in epoch ms; a command past it is refused. Never retained; the same `id` is the same command. */
export const command = object({
  v: whole,
  sentAt: whole,
  id,
  deadline: whole,
  replyTo: string(120),
  command: commandBody,
});
export type Command = Shaped<typeof command>;

export const commandOutcome = byKind({
  started: object({ minutes }),
  /** start: the order never began. */
  failed: object({ reason: failReason, detail: string(200) }),
  /** stop: off, confirmed by the charger. */
  stopped: object({ minutes }),
  /** cancel: it never began, or is off again. */
  cancelled: object({}),
  /** cancel: it runs; stop: the order had ended before. */
  already: object({ state: oneOf("charging", "finished", "failed", "cancelled") }),
  /** stop, cancel, blink: not now; the gateway goes on trying where an order is concerned. */
  unreachable: object({ detail: string(200) }),
  done: object({}),
});
export type CommandOutcome = Shaped<typeof commandOutcome>;

/** Answer to a command, on its `replyTo`; the outcome of an order is an event besides. */
export const reply = object({ v: whole, id, gateway, outcome: commandOutcome });
export type Reply = Shaped<typeof reply>;

export const desiredCharger = object({
  deviceCode,
  chipId: is(isChipId, "a chip ID, 12 of 0-9A-Z"),
  jamCode: is(isJamCode, "a jam code, 6 of 0-9A-Z"),
  profile: whole,
  /** Fen for thirty minutes; 0 is free. */
  unitPrice: whole,
  maxUnit: whole,
  enabled: boolean,
  /** Whose black list holds for it. */
  manager: ifMissing(null, nullable(phone)),
});
export type DesiredCharger = Shaped<typeof desiredCharger>;

/** A live order of one of the chargers; `startedAt` is epoch ms, null while it is still starting. */
export const desiredOrder = object({
  orderId,
  deviceCode,
  port,
  minutes: chargeMinutes,
  startedAt: nullable(whole),
});
export type DesiredOrder = Shaped<typeof desiredOrder>;

/** A user whom a manager has barred from all of their chargers. */
export const barred = object({ manager: phone, user: phone });
export type Barred = Shaped<typeof barred>;
export const BLACK_LIST_MAX = 10_000;

/** The whole of what a gateway has to know, stored before use. A document of a lower or equal `version` is dropped. */
export const desired = object({
  v: whole,
  sentAt: whole,
  version: whole,
  timeZone: string(60),
  /** What to do with a port that runs without an order. */
  foreignPorts: oneOf("report", "switch_off"),
  chargers: list(desiredCharger, 1000),
  orders: list(desiredOrder, 10_000),
  blackList: ifMissing([], list(barred, BLACK_LIST_MAX)),
});
export type Desired = Shaped<typeof desired>;
