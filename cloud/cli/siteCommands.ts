import { addSite, listSites } from "../sites/sites.ts";
import { command, optional, required } from "./command.ts";
import { table } from "./output.ts";
import { oneOfValue, textValue, zoneValue } from "./values.ts";

const siteAdd = command({
  name: "site add",
  summary: "Add a site, which owns gateways and chargers.",
  argument: { name: "NAME", parse: textValue(60) },
  flags: {
    zone: required("ZONE", zoneValue, "IANA time zone of the site"),
    "station-id": optional("ID", textValue(60), "the station's id at the parking partner"),
    "station-name": optional("NAME", textValue(60), "the station's name at the parking partner"),
    "park-id": optional("ID", textValue(60), "the car park's id at the parking partner"),
    "foreign-ports": optional(
      "POLICY",
      oneOfValue("report", "switch_off"),
      "what to do with a port that runs without an order: report (default) or switch_off",
    ),
  },
  examples: [
    "site add yard --zone Asia/Shanghai",
    "site add yard --zone Asia/Shanghai --station-id S001 --foreign-ports switch_off",
  ],
  async run({ argument: name, flags }, { change }) {
    const site = {
      name,
      zone: flags.zone,
      stationId: flags["station-id"] ?? "",
      stationName: flags["station-name"] ?? "",
      parkId: flags["park-id"] ?? "",
      foreignPorts: flags["foreign-ports"] ?? "report",
    } as const;
    const outcome = await change((tx, by) => addSite(tx, site, by));
    if (outcome === "exists") return { problem: `there is a site "${name}" already` };
    return { text: `site ${name} added`, json: site };
  },
});

const siteList = command({
  name: "site list",
  role: "viewer",
  summary: "List the sites.",
  argument: null,
  flags: {},
  examples: ["site list", "site list --json"],
  async run(_input, { db }) {
    const sites = await listSites(db);
    const rows = sites.map((s) => [s.name, s.zone, s.stationId, s.foreignPorts, s.gateways]);
    const text = table(["NAME", "ZONE", "STATION", "FOREIGN PORTS", "GATEWAYS"], rows, "no site yet");
    return { text, json: sites };
  },
});

export const siteCommands = [siteAdd, siteList];
