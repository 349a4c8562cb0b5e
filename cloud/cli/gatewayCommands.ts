import { instant } from "@bluepower/protocol/clock";
import { wallTime, wireTime } from "@bluepower/protocol/siteTime";
import { acceptStream, addGateway, listGateways, renewToken, revokeGateway } from "../gateways/identity.ts";
import { command, optional, type Result, required } from "./command.ts";
import { table } from "./output.ts";
import { openTokenFile } from "./tokenFile.ts";
import { fileValue, gatewayIdValue, textValue } from "./values.ts";

const ID = { name: "ID", parse: gatewayIdValue };
const tokenFile = optional(
  "FILE",
  fileValue,
  "write the token into this new file (0600) instead of showing it",
);

/** Makes a token and shows it once, or writes it where nobody else can read it. */
async function withToken<O extends { kind: string }>(
  gatewayId: string,
  file: string | undefined,
  make: () => Promise<{ kind: "added" | "renewed"; token: string } | O>,
  refusal: (outcome: O) => string,
): Promise<Result> {
  const opened = file === undefined ? undefined : openTokenFile(file);
  if (opened !== undefined && "problem" in opened) return opened;
  let token: string | undefined;
  try {
    const outcome = await make();
    if (!("token" in outcome)) return { problem: refusal(outcome) };
    token = outcome.token;
    if (opened === undefined) {
      const text = `token of gateway ${gatewayId}, shown this once:\n${token}`;
      return { text, json: { gatewayId, token } };
    }
    opened.write(token);
    return {
      text: `token of gateway ${gatewayId} written to ${file}`,
      json: { gatewayId, tokenFile: file },
    };
  } finally {
    opened?.close(token !== undefined);
  }
}

const gatewayAdd = command({
  name: "gateway add",
  summary: "Register a gateway and make its token.",
  argument: ID,
  flags: { site: required("NAME", textValue(60), "the site it stands on"), "token-file": tokenFile },
  examples: [
    "gateway add gw-7 --site yard",
    "gateway add gw-7 --site yard --token-file /etc/bluepower/gateway-token",
  ],
  run: ({ argument: gatewayId, flags }, { change, random }) =>
    withToken(
      gatewayId,
      flags["token-file"],
      () => change((tx, by) => addGateway(tx, { gatewayId, site: flags.site, random }, by)),
      (outcome) =>
        outcome.kind === "exists"
          ? `there is a gateway "${gatewayId}" already; a new token: gateway token ${gatewayId}`
          : `there is no site "${flags.site}"; add it with: site add`,
    ),
});

const gatewayToken = command({
  name: "gateway token",
  summary: "Give a gateway a new token; the former one, and its connection, end. Lifts a revocation.",
  argument: ID,
  flags: { "token-file": tokenFile },
  examples: ["gateway token gw-7", "gateway token gw-7 --token-file token.txt"],
  run: ({ argument: gatewayId, flags }, { change, random }) =>
    withToken(
      gatewayId,
      flags["token-file"],
      () => change((tx, by) => renewToken(tx, { gatewayId, random }, by)),
      () => `there is no gateway "${gatewayId}"`,
    ),
});

const gatewayRevoke = command({
  name: "gateway revoke",
  summary: "Shut a gateway out: its token opens nothing, its live connection is closed within two seconds.",
  argument: ID,
  flags: {},
  examples: ["gateway revoke gw-7"],
  async run({ argument: gatewayId }, { change }) {
    const { kind } = await change((tx, by) => revokeGateway(tx, gatewayId, by));
    if (kind === "unknown") return { problem: `there is no gateway "${gatewayId}"` };
    const text = `gateway ${gatewayId} ${kind === "already" ? "was revoked already" : "is revoked"}`;
    return { text, json: { gatewayId, revoked: true } };
  },
});

const gatewayAcceptStream = command({
  name: "gateway accept-stream",
  summary: "Accept a gateway whose storage is new (another SD card): its events count from the beginning.",
  argument: ID,
  flags: {},
  examples: ["gateway accept-stream gw-7"],
  async run({ argument: gatewayId }, { change }) {
    const outcome = await change((tx, by) => acceptStream(tx, gatewayId, by));
    switch (outcome.kind) {
      case "unknown":
        return { problem: `there is no gateway "${gatewayId}"` };
      case "nothing_waits":
        return { problem: `no new stream of gateway "${gatewayId}" was refused: there is nothing to accept` };
      case "accepted":
        return {
          text: `gateway ${gatewayId} is accepted with stream ${outcome.stream}`,
          json: { gatewayId, stream: outcome.stream },
        };
    }
  },
});

const gatewayList = command({
  name: "gateway list",
  role: "viewer",
  summary: "List the gateways, when each was last heard, and whether one waits for accept-stream.",
  argument: null,
  flags: {},
  examples: ["gateway list", "gateway list --json"],
  async run(_input, { db, zone }) {
    const gateways = await listGateways(db);
    const rows = gateways.map((g) => [
      g.id,
      g.site,
      g.devices,
      g.seenTime === null ? "never" : wireTime(wallTime(instant(g.seenTime), zone)),
      g.applied,
      g.revoked ? "revoked" : g.streamWaits ? "waits for accept-stream" : "",
    ]);
    const text = table(["ID", "SITE", "CHARGERS", "LAST HEARD", "EVENTS", ""], rows, "no gateway yet");
    return { text, json: gateways };
  },
});

export const gatewayCommands = [gatewayAdd, gatewayList, gatewayRevoke, gatewayToken, gatewayAcceptStream];
