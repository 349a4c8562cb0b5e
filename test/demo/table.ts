import { join } from "node:path";
import { chargers, GATEWAY, managers, OPERATOR, users } from "./chargers.ts";
import type { Settings } from "./settings.ts";

/** The one table that `npm start` prints; `password`: the operator's, where it was made just now. */
export function table(s: Settings, { password }: { password: string | null }): string {
  const url = (port: number): string => `http://127.0.0.1:${port}`;
  const rows: [string, string][] = [
    ["Cloud", `http://${s.reach}:${s.port}  (/docs, /openapi.json, /healthz, /metrics)`],
    ["Broker", s.broker],
    ["Sandbox", `${url(s.sandboxPort)}  (WeChat, Pay, SMS; control ${url(s.sandboxControlPort)})`],
    ["Gateway", `${url(s.gatewayPort)}  (${GATEWAY}; /status, /healthz, /metrics)`],
    ...chargers.map((c, i): [string, string] => [
      c.code,
      `${url(s.chargerControlPort + i)}/state  (chip ${c.chip}; ${describe(c)})`,
    ]),
    ["Users", users.map((u) => `${u.phone} (${u.openid})`).join(", ")],
    ["Managers", managers.map((m) => `${m.phone} (${m.openid})`).join(", ")],
    ["Operator", password === null ? OPERATOR : `${OPERATOR}, password ${password} (shown this once)`],
    ["App keys", join(s.dataDir, "apps.json")],
    ["Data", s.dataDir],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`);
  return [
    "",
    "BluePower runs. Ctrl-C stops it; a second start goes on with the same data.",
    "",
    ...lines,
    "",
  ].join("\n");
}

function describe(c: (typeof chargers)[number]): string {
  const manager = c.manager ? `managed by ${managers[0].phone}` : "managed by nobody";
  const price = !c.manager ? "" : c.price === null ? ", free of charge" : `, ${c.price} yuan per 30 min`;
  return `${manager}${price}${c.gateway ? "" : ", no gateway"}`;
}
