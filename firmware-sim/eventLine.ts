import type { ChargerEvent } from "./charger.ts";
import type { PortCause } from "./ports.ts";

const RESULTS = ["done", "failed", "timestamp error", "signature error"] as const;

const PORT: Record<PortCause, (minutes: number) => string> = {
  started: (minutes) => `supplies for ${minutes} min`,
  stopped: () => "switched off",
  "ran out": () => "off, the time has run out",
  damaged: () => "damaged",
  repaired: () => "repaired",
};

/** A log line of an event; undefined for what only a `verbose` log shows: frames and links. */
export function eventLine(event: ChargerEvent, verbose: boolean): string | undefined {
  switch (event.kind) {
    case "port":
      return `port ${event.port} ${PORT[event.cause](event.minutesLeft)}`;
    case "command":
      return `${[event.name, ...event.parameters].join("|")}: ${RESULTS[event.result]}`;
    case "clock":
      return `clock set to ${event.time}`;
    case "power":
      return event.powered ? "power is back" : "power cut";
    case "blink":
      return "LEDs blink";
    case "link":
      return verbose ? (event.connected ? "connected" : "disconnected") : undefined;
    case "frame":
      return verbose ? `${event.direction === "in" ? ">" : "<"} ${event.text}` : undefined;
  }
}
