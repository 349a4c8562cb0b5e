import type { ChargerProfile } from "@bluepower/protocol/charger/profiles";
import { type ChipId, isChipId } from "@bluepower/protocol/units";

/**
 * What the gateway and its Bluetooth process say to each other, by structured clone. Both sides are of one build, so there
 * is no version; decoders are total all the same, because a process in trouble may say anything.
 */
export type ToWorker =
  | {
      kind: "connect";
      request: number;
      chip: ChipId;
      profile: Pick<ChargerProfile, "service" | "write" | "notify">;
    }
  /** Ends the attempt `request`, if it has not found the charger yet. */
  | { kind: "cancel"; request: number }
  | { kind: "write"; request: number; link: number; bytes: Uint8Array }
  | { kind: "close"; link: number }
  /** Close all links and end. */
  | { kind: "stop" };

export type ConnectFailure =
  | { kind: "absent" }
  | { kind: "cancelled" }
  | { kind: "limit" }
  | { kind: "failed"; step: "connect" | "discover" | "subscribe"; detail: string };

export type FromWorker =
  /** The adapter works; links can be asked for. */
  | { kind: "up"; address: string }
  | { kind: "heartbeat" }
  | { kind: "sighting"; chip: ChipId; rssi: number }
  | { kind: "connected"; request: number; link: number }
  | { kind: "not_connected"; request: number; failure: ConnectFailure }
  | { kind: "written"; request: number; outcome: "written" | "closed" }
  | { kind: "bytes"; link: number; bytes: Uint8Array }
  /** The link is gone; nothing more is said of it. */
  | { kind: "closed"; link: number; reason: string }
  /** The last message: the process ends because of this. */
  | { kind: "ending"; reason: string };

type Fields = Record<string, unknown>;

const fields = (message: unknown): Fields | undefined =>
  typeof message === "object" && message !== null ? (message as Fields) : undefined;
const isText = (v: unknown): v is string => typeof v === "string";
const isNumber = (v: unknown): v is number => typeof v === "number" && Number.isSafeInteger(v);
const isBytes = (v: unknown): v is Uint8Array => v instanceof Uint8Array;

/** Undefined when the message has another form. */
export function decodeToWorker(message: unknown): ToWorker | undefined {
  const m = fields(message);
  switch (m?.kind) {
    case "connect": {
      const profile = fields(m.profile);
      if (!isNumber(m.request) || !isChipId(m.chip) || profile === undefined) return undefined;
      const { service, write, notify } = profile;
      if (!isText(service) || !isText(write) || !isText(notify)) return undefined;
      return { kind: "connect", request: m.request, chip: m.chip, profile: { service, write, notify } };
    }
    case "cancel":
      return isNumber(m.request) ? { kind: "cancel", request: m.request } : undefined;
    case "write":
      return isNumber(m.request) && isNumber(m.link) && isBytes(m.bytes)
        ? { kind: "write", request: m.request, link: m.link, bytes: m.bytes }
        : undefined;
    case "close":
      return isNumber(m.link) ? { kind: "close", link: m.link } : undefined;
    case "stop":
      return { kind: "stop" };
    default:
      return undefined;
  }
}

/** Undefined when the message has another form. */
export function decodeFromWorker(message: unknown): FromWorker | undefined {
  const m = fields(message);
  switch (m?.kind) {
    case "up":
      return isText(m.address) ? { kind: "up", address: m.address } : undefined;
    case "heartbeat":
      return { kind: "heartbeat" };
    case "sighting":
      return isChipId(m.chip) && isNumber(m.rssi)
        ? { kind: "sighting", chip: m.chip, rssi: m.rssi }
        : undefined;
    case "connected":
      return isNumber(m.request) && isNumber(m.link)
        ? { kind: "connected", request: m.request, link: m.link }
        : undefined;
    case "not_connected": {
      const failure = decodeFailure(m.failure);
      return isNumber(m.request) && failure !== undefined
        ? { kind: "not_connected", request: m.request, failure }
        : undefined;
    }
    case "written":
      return isNumber(m.request) && (m.outcome === "written" || m.outcome === "closed")
        ? { kind: "written", request: m.request, outcome: m.outcome }
        : undefined;
    case "bytes":
      return isNumber(m.link) && isBytes(m.bytes)
        ? { kind: "bytes", link: m.link, bytes: m.bytes }
        : undefined;
    case "closed":
      return isNumber(m.link) && isText(m.reason)
        ? { kind: "closed", link: m.link, reason: m.reason }
        : undefined;
    case "ending":
      return isText(m.reason) ? { kind: "ending", reason: m.reason } : undefined;
    default:
      return undefined;
  }
}

function decodeFailure(value: unknown): ConnectFailure | undefined {
  const m = fields(value);
  if (m?.kind === "absent" || m?.kind === "cancelled" || m?.kind === "limit") return { kind: m.kind };
  if (
    m?.kind === "failed" &&
    (m.step === "connect" || m.step === "discover" || m.step === "subscribe") &&
    isText(m.detail)
  ) {
    return { kind: "failed", step: m.step, detail: m.detail };
  }
  return undefined;
}
