import { execFile } from "node:child_process";
import { mkdir, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { httpSignature } from "@bluepower/protocol/http/signature";
import { systemClock } from "@bluepower/protocol/systemClock";
import { chargers, GATEWAY, managers, OPERATOR, SITE, users } from "./chargers.ts";

/**
 * Makes the demo data as people would: the operator's part with the command line, the users' with signed calls
 * after a login. What is there already stays as it is, so that a second start goes on with the same data; what is
 * missing is made, so that it also goes on after a first start that was interrupted. Returns the operator's password where
 * it is new: nobody can see it again.
 */
export async function provision(demo: {
  cloud: string;
  env: Record<string, string>;
  origin: string;
  control: string;
  dataDir: string;
  tokenFile: string;
  zone: string;
  /** Aborted when the demo is stopped meanwhile. */
  signal: AbortSignal;
}): Promise<{ password: string | null }> {
  const execute = promisify(execFile);
  const cloud = async (...args: string[]): Promise<string> => {
    const { stdout } = await execute(process.execPath, [demo.cloud, ...args], {
      env: { ...process.env, ...demo.env },
      timeout: 30_000,
      signal: demo.signal,
    });
    return stdout;
  };
  const list = async <T>(...what: string[]): Promise<T[]> =>
    JSON.parse(await cloud(...what, "--json")) as T[];

  const [sites, gateways, approvals, devices, accounts] = await Promise.all([
    list<{ name: string }>("site", "list"),
    list<{ id: string }>("gateway", "list"),
    list<{ manager: string; approved: number }>("manager", "list", "--phones"),
    list<{ deviceCode: string; deviceName: string }>("device", "list"),
    list<{ name: string }>("account", "list"),
  ]);
  if (!sites.some((s) => s.name === SITE)) {
    const station = ["--station-id", "S001", "--station-name", "一号停车场"];
    await cloud("site", "add", SITE, "--zone", demo.zone, ...station);
  }
  const known = gateways.some((g) => g.id === GATEWAY);
  const token = await readFile(demo.tokenFile, "utf8").catch(() => "");
  if (!known || token.trim() === "") {
    // A file without its gateway, or a gateway without its file: a start was interrupted between the two.
    await rm(demo.tokenFile, { force: true });
    await mkdir(dirname(demo.tokenFile), { recursive: true, mode: 0o700 });
    const made = known ? ["token", GATEWAY] : ["add", GATEWAY, "--site", SITE];
    await cloud("gateway", ...made, "--token-file", demo.tokenFile);
  }
  for (const m of managers) {
    const registered = approvals.find((a) => a.manager === m.phone);
    if (registered === undefined) await cloud("manager", "add", m.phone, "--name", m.name);
    if (registered?.approved !== 1) await cloud("manager", "approve", m.phone);
  }
  for (const c of chargers) {
    const registered = devices.find((d) => d.deviceCode === c.code);
    const gateway = c.gateway ? ["--gateway", GATEWAY] : [];
    if (registered === undefined) {
      await cloud("device", "add", c.code, "--chip", c.chip, "--version", "1", ...gateway);
    }
    // The name comes last: who has one is complete, and what was changed since stays.
    if (!c.manager || (registered?.deviceName ?? "") !== "") continue;
    await cloud("device", "assign", c.code, "--manager", managers[0].phone);
    const price = c.price === null ? ["--charge", "0"] : ["--charge", "1", "--price", c.price];
    await cloud("device", "set", c.code, "--name", c.name, "--max-unit", "12", ...price);
  }
  await people(demo);
  if (accounts.some((a) => a.name === OPERATOR)) return { password: null };
  const made = await cloud("account", "add", OPERATOR, "--role", "admin", "--json");
  return { password: (JSON.parse(made) as { password: string }).password };
}

type Side = "user" | "manager";

/** Everybody has logged in once, so that WeChat's account and the phone number belong together. */
async function people(demo: { origin: string; control: string; dataDir: string }): Promise<void> {
  const apps = JSON.parse(await readFile(join(demo.dataDir, "apps.json"), "utf8")) as Record<
    Side,
    { appId: string; appKey: string; jamCode: string }
  >;
  const call = async (
    side: Side,
    method: string,
    own: Record<string, string>,
  ): Promise<Record<string, unknown>> => {
    const { appId, appKey, jamCode } = apps[side];
    const timestamp = String(Math.floor(systemClock.now() / 1000));
    const parameters: Record<string, string> = { appId, appKey, timestamp, ...own };
    const signature = httpSignature(new Map(Object.entries(parameters)), jamCode);
    const answer = (await post(`${demo.origin}/oapi/bluepower_${side}/1_0/${method}`, {
      ...parameters,
      signature,
    })) as { code: number; message: string; data: Record<string, unknown>[] };
    if (answer.code !== 0) throw new Error(`${method}: ${answer.message}`);
    return answer.data[0] ?? {};
  };
  const logIn = async (side: Side, { openid, phone }: { openid: string; phone: string }): Promise<string> => {
    const { jsCode } = await post(`${demo.control}/login-code`, { app: side, openid });
    const answer = await call(side, `${side}Login`, { jsCode: String(jsCode) });
    const session = String(answer.session);
    const { code } = await post(`${demo.control}/phone`, { app: side, openid, phone });
    const method = side === "user" ? "getUserPhone" : "getManagerPhone";
    await call(side, method, { session, code: String(code) });
    return session;
  };
  for (const manager of managers) await logIn("manager", manager);
  for (const { phone, openid, name } of users) {
    const session = await logIn("user", { openid, phone });
    const { userName } = await call("user", "getUserInfo", { session, user: phone });
    if (userName === "") await call("user", "reportUserName", { session, user: phone, userName: name });
  }
}

async function post(url: string, body: unknown): Promise<Record<string, unknown>> {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as Record<string, unknown>;
}
