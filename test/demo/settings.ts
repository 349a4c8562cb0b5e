import { resolve } from "node:path";

/** Variables of `npm start` (spec 6). */
export interface Settings {
  dataDir: string;
  host: string;
  /** Where the cloud, which listens on `host`, is reached from this machine. */
  reach: string;
  /** The broker as the gateway reaches it: the embedded one, or MQTT_URL. */
  broker: string;
  zone: string;
  speed: number;
  port: number;
  mqttPort: number;
  sandboxPort: number;
  sandboxControlPort: number;
  gatewayPort: number;
  chargerControlPort: number;
  /** Every port that is listened on, with the variable that moves it. */
  ports: { port: number; variable: string }[];
}

/** Reads the environment; a problem names the variable and what is allowed. */
export function settings(env: NodeJS.ProcessEnv): Settings | { problem: string } {
  const problems: string[] = [];
  const number = (name: string, fallback: number, low: number, high: number): number => {
    const text = env[name];
    if (text === undefined || text === "") return fallback;
    const n = Number(text);
    if (!/^[0-9]+(\.[0-9]+)?$/.test(text) || n < low || n > high) {
      problems.push(`${name} is a number from ${low} to ${high}, not "${text}"`);
    }
    return n;
  };
  const port = (name: string, fallback: number): number => {
    const n = number(name, fallback, 1, 65_532);
    if (!Number.isInteger(n)) problems.push(`${name} is a whole number`);
    return n;
  };
  const host = env.HOST || "127.0.0.1";
  const reach = ["0.0.0.0", "::"].includes(host) ? "127.0.0.1" : host.includes(":") ? `[${host}]` : host;
  const mqttPort = port("MQTT_PORT", 1883);
  const found = {
    dataDir: resolve(env.DATA_DIR || "./data"),
    host,
    reach,
    broker: env.MQTT_URL || `mqtt://${reach}:${mqttPort}`,
    zone: env.SITE_TIME_ZONE || "Asia/Shanghai",
    speed: number("DEMO_SPEED", 1, 1, 1000),
    port: port("PORT", 8085),
    mqttPort,
    sandboxPort: port("SANDBOX_PORT", 8086),
    sandboxControlPort: port("SANDBOX_CONTROL_PORT", 8087),
    gatewayPort: port("GATEWAY_PORT", 8088),
    chargerControlPort: port("CHARGER_CONTROL_PORT", 8101),
  };
  if (problems[0] !== undefined) return { problem: problems[0] };
  return {
    ...found,
    ports: [
      { port: found.port, variable: "PORT" },
      ...(env.MQTT_URL ? [] : [{ port: mqttPort, variable: "MQTT_PORT" }]),
      { port: found.sandboxPort, variable: "SANDBOX_PORT" },
      { port: found.sandboxControlPort, variable: "SANDBOX_CONTROL_PORT" },
      { port: found.gatewayPort, variable: "GATEWAY_PORT" },
      ...[0, 1, 2, 3].map((i) => ({ port: found.chargerControlPort + i, variable: "CHARGER_CONTROL_PORT" })),
    ],
  };
}
