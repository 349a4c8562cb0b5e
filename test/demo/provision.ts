import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { httpSignature } from "@bluepower/protocol/http/signature";
import { systemClock } from "@bluepower/protocol/systemClock";
import { chargers, GATEWAY, managers, SITE, users } from "./chargers.ts";

/**
 * Makes the demo data as people would: the operator's part with the command line, the users' with signed calls
 * after a login. What is there already stays as it is, so that a second start goes on with the same data.
 */
export async function provision(demo: {
  cloud: string;
  env: Record<string, string>;
  origin: string;
  control: string;
  dataDir: string;
  tokenFile: string;
  zone: string;
}): Promise<void> {
  const execute = promisify(execFile);
  const cloud = async (...args: string[]): Promise<void> => {
    await execute(process.execPath, [demo.cloud, ...args], {
      env: { ...process.env, ...demo.env },
      timeout: 30_000,
    });
  };
  const list = async (what: string): Promise<unknown> => {
    const { stdout } = await execute(process.execPath, [demo.cloud, what, "list", "--json"], {
      env: { ...process.env, ...demo.env },
      timeout: 30_000,
    });
    return JSON.parse(stdout);
  };

  const known = JSON.stringify(await list("device"));
  if (!existsSync(demo.tokenFile)) {
    await mkdir(dirname(demo.tokenFile), { recursive: true, mode: 0o700 });
    await cloud(
      "site",
      "add",
      SITE,
      "--zone",
      demo.zone,
      "--station-id",
      "S001",
      "--station-name",
      "一号停车场",
    );
    await cloud("gateway", "add", GATEWAY, "--site", SITE, "--token-file", demo.tokenFile);
  }
  if (!known.includes("DEMO0004")) {
    for (const m of managers) {
      await cloud("manager", "add", m.phone, "--name", m.name);
      await cloud("manager", "approve", m.phone);
    }
    for (const c of chargers) {
      if (known.includes(c.code)) continue;
      const gateway = c.gateway ? ["--gateway", GATEWAY] : [];
      await cloud("device", "add", c.code, "--chip", c.chip, "--version", "1", ...gateway);
      if (!c.manager) continue;
      await cloud("device", "assign", c.code, "--manager", managers[0].phone);
      const price = c.price === null ? ["--charge", "0"] : ["--charge", "1", "--price", c.price];
      await cloud("device", "set", c.code, "--name", c.name, "--max-unit", "12", ...price);
    }
  }
  await people(demo);
}

async function people(demo: { origin: string; control: string; dataDir: string }): Promise<void> {
  const apps = JSON.parse(await readFile(join(demo.dataDir, "apps.json"), "utf8")) as {
    user: { appId: string; appKey: string; jamCode: string };
  };
  const call = async (method: string, own: Record<string, string>): Promise<Record<string, unknown>> => {
    const parameters: Record<string, string> = {
      appId: apps.user.appId,
      appKey: apps.user.appKey,
      timestamp: String(Math.floor(systemClock.now() / 1000)),
      ...own,
    };
    const signature = httpSignature(new Map(Object.entries(parameters)), apps.user.jamCode);
    const answer = (await post(`${demo.origin}/oapi/bluepower_user/1_0/${method}`, {
      ...parameters,
      signature,
    })) as { code: number; message: string; data: Record<string, unknown>[] };
    if (answer.code !== 0) throw new Error(`${method}: ${answer.message}`);
    return answer.data[0] ?? {};
  };
  for (const user of users) {
    const { jsCode } = await post(`${demo.control}/login-code`, { app: "user", openid: user.openid });
    const { session } = await call("userLogin", { jsCode: String(jsCode) });
    const { code } = await post(`${demo.control}/phone`, {
      app: "user",
      openid: user.openid,
      phone: user.phone,
    });
    await call("getUserPhone", { session: String(session), code: String(code) });
    const { userName } = await call("getUserInfo", { session: String(session), user: user.phone });
    if (userName === "") {
      await call("reportUserName", { session: String(session), user: user.phone, userName: user.name });
    }
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
