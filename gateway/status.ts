import type { Instant } from "@bluepower/protocol/clock";
import { wallTime, wireTime } from "@bluepower/protocol/siteTime";
import type { OrderState } from "./store/orders.ts";
import type { Fill } from "./store/store.ts";
import type { SupervisorStatus } from "./supervisor/supervisor.ts";
import type { SyncState } from "./uplink/sync.ts";

/** What a running gateway says of itself (`GET /status`). Times are epoch ms. */
export interface Status extends SupervisorStatus {
  gateway: string;
  program: string;
  runningSeconds: number;
  cloud: { connected: boolean; state: SyncState; refusal: string };
  outbox: {
    waiting: number;
    acknowledged: number;
    batches: number;
    resent: number;
    rewinds: number;
    staleAcks: number;
  };
  clock: { now: number; synced: boolean; cloudTime: boolean };
  radio: { state: "up" | "down"; links: { open: number; budget: number } };
  store: { used: number; fill: Fill; refusals: number; boot: number };
}

/** Why the gateway cannot do its work now. Without the cloud it can (spec 4, "What it promises"). */
export function problemsOf(s: Pick<Status, "radio" | "store">): string[] {
  return [
    ...(s.radio.state === "up" ? [] : ["Bluetooth is down: chargers cannot be reached"]),
    ...(s.store.fill === "full" ? ["the store is full: no new order is taken, make room on the disk"] : []),
  ];
}

/** The status as lines for people, with what to do next where something is wrong. */
export function statusLines(s: Status, zone: string): string[] {
  const time = (at: number): string => wireTime(wallTime(at as Instant, zone));
  const share = Math.round(s.store.used * 100);
  const lines = [
    `gateway ${s.gateway}, ${s.program}, running for ${span(s.runningSeconds)}`,
    `cloud    ${cloudLine(s)}`,
    `outbox   ${s.outbox.waiting === 0 ? "empty" : `${s.outbox.waiting} events wait`}, ${s.outbox.acknowledged} acknowledged`,
    `clock    ${time(s.clock.now)} ${s.clock.synced ? "(synchronised)" : "(not known to be right: orders of the cloud wait for it)"}`,
    `radio    ${s.radio.state}, ${s.radio.links.open} of ${s.radio.links.budget} links`,
    `store    ${share} % of its quota${storeProblem(s)}`,
    `orders   ${Object.entries(s.orders)
      .map(([state, n]) => `${n} ${state}`)
      .join(", ")}`,
  ];
  for (const o of s.live) {
    lines.push(
      `  ${o.orderId} ${o.charger} port ${o.port}: ${o.state}, ${o.left ?? o.minutes} of ${o.minutes} min left`,
    );
  }
  lines.push(s.chargers.length === 0 ? "chargers none assigned: assign some in the cloud" : "chargers");
  for (const c of s.chargers) {
    const where = c.linked ? "linked" : c.present ? "in reach" : "out of reach";
    const heard = c.lastAnswer === null ? "no answer yet" : `last answer ${time(c.lastAnswer)}`;
    const ports = c.ports.map((p) => `${p.port}:${p.minutesLeft ?? p.state}`).join(" ");
    lines.push(
      `  ${c.charger} ${where}, ${c.rssi ?? "–"} dBm, ${heard}${ports === "" ? "" : `, ports ${ports}`}`,
    );
    if (c.problem !== null) lines.push(`    ${c.problem}`);
  }
  return lines;
}

function storeProblem({ store }: Status): string {
  const refused = store.refusals > 0 ? `; ${store.refusals} writes refused` : "";
  if (store.fill === "full") return `${refused}; no new order is taken: make room on the disk`;
  return store.fill === "nearly_full" ? `${refused}; readings are not told any more` : refused;
}

function cloudLine(s: Status): string {
  switch (s.cloud.state) {
    case "online":
      return "connected";
    case "connecting":
      return "connected to the broker, no welcome of the cloud yet";
    case "offline":
      return "not connected: charges go on, events are kept";
    case "version_unsupported":
    case "stream_unknown":
      return `refused (${s.cloud.state}): ${s.cloud.refusal}`;
  }
}

function span(seconds: number): string {
  const [d, h, m] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  return d > 0 ? `${d} d ${h} h` : h > 0 ? `${h} h ${m} min` : `${m} min ${seconds % 60} s`;
}

/** The status in Prometheus' text format. */
export function metricsText(s: Status): string {
  const out: string[] = [];
  const metric = (
    name: string,
    type: "gauge" | "counter",
    help: string,
    samples: [labels: Record<string, string>, value: number][],
  ): void => {
    out.push(`# HELP bluepower_gateway_${name} ${help}`, `# TYPE bluepower_gateway_${name} ${type}`);
    for (const [labels, value] of samples) {
      const text = Object.entries(labels)
        .map(([k, v]) => `${k}="${v}"`)
        .join(",");
      out.push(`bluepower_gateway_${name}${text === "" ? "" : `{${text}}`} ${value}`);
    }
  };
  const one = (value: number | boolean): [Record<string, string>, number][] => [[{}, Number(value)]];
  metric("running_seconds", "gauge", "Seconds since the program started.", one(s.runningSeconds));
  metric("cloud_connected", "gauge", "1 while the cloud takes events.", one(s.cloud.state === "online"));
  metric("clock_synced", "gauge", "1 while the time of day is known.", one(s.clock.synced));
  metric("radio_up", "gauge", "1 while Bluetooth works.", one(s.radio.state === "up"));
  metric("links_open", "gauge", "Open links to chargers.", one(s.radio.links.open));
  metric("links_budget", "gauge", "Links the adapter holds at once.", one(s.radio.links.budget));
  metric("outbox_waiting", "gauge", "Events the cloud has not acknowledged.", one(s.outbox.waiting));
  metric("outbox_batches_total", "counter", "Batches sent.", one(s.outbox.batches));
  metric("outbox_resent_total", "counter", "Batches sent again for want of an answer.", one(s.outbox.resent));
  metric("outbox_rewinds_total", "counter", "Times the cloud's cursor went back.", one(s.outbox.rewinds));
  metric("store_used_ratio", "gauge", "Share of the store's quota in use.", one(s.store.used));
  metric("store_refusals_total", "counter", "Writes that found the store full.", one(s.store.refusals));
  const states = Object.entries(s.orders) as [OrderState, number][];
  metric(
    "orders",
    "gauge",
    "Stored orders by state.",
    states.map(([state, n]) => [{ state }, n]),
  );
  metric(
    "charger_present",
    "gauge",
    "1 while the charger is in reach.",
    s.chargers.map((c) => [{ charger: c.charger }, Number(c.present)]),
  );
  metric(
    "ports_running",
    "gauge",
    "Ports that supply.",
    s.chargers.map((c) => [{ charger: c.charger }, c.ports.filter((p) => p.state === "running").length]),
  );
  return `${out.join("\n")}\n`;
}
