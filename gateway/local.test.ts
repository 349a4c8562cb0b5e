import { afterEach, expect, test } from "vitest";
import { type LocalServer, serveLocal } from "./local.ts";
import { type Status, statusLines } from "./status.ts";

const status: Status = {
  ...{ gateway: "g1", program: "gateway under test", runningSeconds: 75, desired: 3 },
  cloud: { connected: true, state: "online", refusal: "" },
  outbox: { waiting: 2, acknowledged: 40, batches: 9, resent: 1, rewinds: 0, staleAcks: 0 },
  clock: { now: 1_800_000_000_000, synced: true, cloudTime: true },
  radio: { state: "up", links: { open: 1, budget: 5 } },
  store: { used: 0.01, fill: "ok", refusals: 0, boot: 2 },
  orders: { starting: 0, charging: 1, finished: 4, failed: 0, cancelled: 0 },
  live: [
    { orderId: "90000000000001", charger: "DEMO0001", port: 1, minutes: 120, state: "charging", left: 90 },
  ],
  chargers: [
    {
      ...{
        charger: "DEMO0001",
        present: true,
        linked: true,
        rssi: -60,
        lastAnswer: 1_800_000_000_000,
        problem: null,
      },
      ports: [
        { port: 1, state: "running", minutesLeft: 90 },
        { port: 2, state: "free", minutesLeft: null },
      ],
    },
    {
      ...{ charger: "DEMO0002", present: false, linked: false, rssi: null, lastAnswer: null },
      ...{ problem: "it has never been heard", ports: [] },
    },
  ],
};

const servers: LocalServer[] = [];
afterEach(async () => {
  for (const s of servers.splice(0)) await s.close();
});

async function get(path: string, method = "GET"): Promise<{ code: number; text: string }> {
  const server = servers[0] ?? (await serveLocal(0, () => status));
  if (servers.length === 0) servers.push(server);
  const answer = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
  return { code: answer.status, text: await answer.text() };
}

test("health, status and metrics of the running gateway; nothing else", async () => {
  expect(await get("/healthz")).toMatchObject({ code: 200 });
  expect(JSON.parse((await get("/status")).text)).toEqual(status);
  const { text } = await get("/metrics");
  expect(text).toContain("bluepower_gateway_outbox_waiting 2\n");
  expect(text).toContain('bluepower_gateway_orders{state="finished"} 4\n');
  expect(text).toContain('bluepower_gateway_charger_present{charger="DEMO0002"} 0\n');
  for (const line of text.trim().split("\n"))
    expect(line).toMatch(/^(# (HELP|TYPE) |[a-z_]+(\{[^}]*\})? -?[0-9.]+$)/);
  expect((await get("/")).code).toBe(404);
  expect((await get("/status", "POST")).code).toBe(405);
});

test("a port that is taken is an error, not silence", async () => {
  const server = await serveLocal(0, () => status);
  servers.push(server);
  await expect(serveLocal(server.port, () => status)).rejects.toThrow(/EADDRINUSE/);
});

test("the status for people says what runs and what is wrong", () => {
  const text = statusLines(status, "Asia/Shanghai").join("\n");
  expect(text).toContain("90000000000001 DEMO0001 port 1: charging, 90 of 120 min left");
  expect(text).toContain("2 events wait");
  expect(text).toContain("it has never been heard");
  const refused = {
    ...status,
    cloud: { connected: true, state: "stream_unknown" as const, refusal: "accept it" },
  };
  expect(statusLines(refused, "Asia/Shanghai").join("\n")).toContain("accept it");
});

test("health is 503 with the reason while the gateway cannot do its work, and 200 without the cloud", async () => {
  const answer = async (change: Partial<Status>): Promise<{ code: number; body: unknown }> => {
    const server = await serveLocal(0, () => ({ ...status, ...change }));
    servers.push(server);
    const given = await fetch(`http://127.0.0.1:${server.port}/healthz`);
    return { code: given.status, body: await given.json() };
  };
  expect(await answer({ radio: { state: "down", links: { open: 0, budget: 5 } } })).toMatchObject({
    code: 503,
    body: { status: "failing", problems: [expect.stringContaining("Bluetooth is down")] },
  });
  expect(await answer({ store: { used: 0.98, fill: "full", refusals: 3, boot: 2 } })).toMatchObject({
    code: 503,
    body: { problems: [expect.stringContaining("store is full")] },
  });
  expect(await answer({ cloud: { connected: false, state: "offline", refusal: "" } })).toMatchObject({
    code: 200,
    body: { problems: [] },
  });
});
