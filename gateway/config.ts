import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { type GatewayId, isGatewayId } from "@bluepower/protocol/units";
import { isZone } from "./siteTime.ts";

export const HELP = `bluepower-gateway: drives the chargers of a site over Bluetooth and keeps in step with the cloud

  bluepower-gateway run       work until SIGTERM
  bluepower-gateway status    what the running gateway knows: chargers, links, orders, outbox, clock

run
  --id ID              name of this gateway, as in the cloud          GATEWAY_ID
  --token-file FILE    its token, a file only it can read             GATEWAY_TOKEN_FILE
  --broker URL         mqtt://host:port or mqtts://host:port          BROKER_URL
  --data DIR           where it keeps its store (./data/gateway)      DATA_DIR
  --radio RADIO        hci, or virtual:SOCKET for a simulated air     RADIO
  --links N            links the adapter holds at once (5)            LINKS
  --zone ZONE          until the cloud says it (Asia/Shanghai)        SITE_TIME_ZONE
  --port PORT          local port on loopback (8088)                  GATEWAY_PORT
  --log-level LEVEL    fatal, error, warn, info, debug, trace (info)  LOG_LEVEL
status
  --port PORT          of the running gateway (8088)                  GATEWAY_PORT
  --json               as JSON

A flag goes before its variable. Examples:
  bluepower-gateway run --id site-7 --token-file /etc/bluepower/token --broker mqtts://cloud.example.org --radio hci
  bluepower-gateway status --json
`;

const levels = ["fatal", "error", "warn", "info", "debug", "trace"] as const;

export interface RunConfig {
  kind: "run";
  id: GatewayId;
  tokenFile: string;
  broker: URL;
  dataDir: string;
  radio: string;
  links: number | undefined;
  zone: string;
  port: number;
  logLevel: (typeof levels)[number];
}

export type Config =
  | RunConfig
  | { kind: "status"; port: number; json: boolean; zone: string }
  | { kind: "help" }
  /** One line that names what is wrong and what is allowed. */
  | { kind: "problem"; problem: string };

class Problem extends Error {}

/** Reads arguments and environment. */
export function readConfig(argv: readonly string[], env: Record<string, string | undefined>): Config {
  try {
    return read(argv, env);
  } catch (error) {
    if (error instanceof Problem) return { kind: "problem", problem: error.message };
    throw error;
  }
}

function read(argv: readonly string[], env: Record<string, string | undefined>): Config {
  if (argv.length === 0 || argv.includes("--help") || argv.includes("-h") || argv[0] === "help") {
    return { kind: "help" };
  }
  const [command, ...rest] = argv;
  const text = { type: "string" } as const;
  switch (command) {
    case "run": {
      const flags = parse(rest, {
        ...{ id: text, "token-file": text, broker: text, data: text, radio: text, links: text },
        ...{ zone: text, port: text, "log-level": text },
      });
      const value = (flag: string, variable: string): string | undefined =>
        flags[flag] || env[variable] || undefined;
      const needed = (flag: string, variable: string, what: string): string => {
        const found = value(flag, variable);
        if (found === undefined) throw new Problem(`--${flag} (or ${variable}) is needed: ${what}`);
        return found;
      };
      const id = needed("id", "GATEWAY_ID", "the name of this gateway");
      if (!isGatewayId(id)) throw new Problem(`--id is 1 to 40 of A-Z a-z 0-9 _ -, not "${id}"`);
      const logLevel = value("log-level", "LOG_LEVEL") ?? "info";
      const level = levels.find((l) => l === logLevel);
      if (level === undefined)
        throw new Problem(`--log-level is one of ${levels.join(", ")}, not "${logLevel}"`);
      const links = value("links", "LINKS");
      return {
        kind: "run",
        id,
        tokenFile: resolve(
          needed("token-file", "GATEWAY_TOKEN_FILE", "the file with the token of this gateway"),
        ),
        broker: brokerUrl(needed("broker", "BROKER_URL", "mqtt://host:port")),
        dataDir: resolve(value("data", "DATA_DIR") ?? "./data/gateway"),
        radio: radioName(needed("radio", "RADIO", "hci, or virtual:SOCKET")),
        links: links === undefined ? undefined : whole("links", links, 1, 64),
        zone: zoneName(value("zone", "SITE_TIME_ZONE") ?? "Asia/Shanghai"),
        port: whole("port", value("port", "GATEWAY_PORT") ?? "8088", 0, 65_535),
        logLevel: level,
      };
    }
    case "status": {
      const { port, json } = parse(rest, { port: text, json: { type: "boolean" } });
      return {
        kind: "status",
        port: whole("port", port || env.GATEWAY_PORT || "8088", 1, 65_535),
        json: json === "true",
        zone: zoneName(env.SITE_TIME_ZONE || "Asia/Shanghai"),
      };
    }
    default:
      throw new Problem(`"${command}" is no command: run or status; --help shows them`);
  }
}

/** Flags as texts, `true` for one without a value. */
function parse(
  args: readonly string[],
  options: Record<string, { type: "string" | "boolean" }>,
): Record<string, string | undefined> {
  try {
    const { values } = parseArgs({ args: [...args], options, strict: true, allowPositionals: false });
    return Object.fromEntries(
      Object.entries(values).map(([name, v]) => [name, Array.isArray(v) ? String(v.at(-1)) : String(v)]),
    );
  } catch (error) {
    const [line = "bad flags"] = (error instanceof Error ? error.message : String(error)).split("\n");
    throw new Problem(`${line.split(". To specify")[0]}; --help shows the flags`);
  }
}

function whole(flag: string, text: string, low: number, high: number): number {
  const n = Number(text);
  if (!/^[0-9]+$/.test(text) || n < low || n > high) {
    throw new Problem(`--${flag} is a whole number from ${low} to ${high}, not "${text}"`);
  }
  return n;
}

function brokerUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["mqtt:", "mqtts:"].includes(url.protocol) || url.hostname === "") {
    throw new Problem(`--broker is mqtt://host:port or mqtts://host:port, not "${text}"`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new Problem("--broker carries no user or password: the id and --token-file are used");
  }
  return url;
}

function radioName(text: string): string {
  if (text === "hci" || /^virtual:.+/.test(text)) return text;
  throw new Problem(`--radio is hci or virtual:SOCKET, not "${text}"`);
}

function zoneName(text: string): string {
  if (isZone(text)) return text;
  throw new Problem(`--zone is a time zone such as Asia/Shanghai, not "${text}"`);
}
