import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { build } from "rolldown";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Credentials } from "./credentials.ts";
import { call, get, jsapiBody, post, requestPayment } from "./fixture.ts";

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sandbox-program-"));
  const file = join(folder, "main.mjs");
  const input = join(import.meta.dirname, "main.ts");
  await build({ input, platform: "node", logLevel: "silent", output: { file, format: "esm" } });
});
afterAll(() => rmSync(folder, { recursive: true }));

const start = (args: string[], environment: Record<string, string> = {}): ChildProcess =>
  spawn(process.execPath, [join(folder, "main.mjs"), ...args], { env: { DATA_DIR: folder, ...environment } });

async function ended(program: ChildProcess): Promise<{ code: unknown; out: string; error: string }> {
  let out = "";
  let error = "";
  program.stdout?.on("data", (piece) => (out += String(piece)));
  program.stderr?.on("data", (piece) => (error += String(piece)));
  const [code] = (await once(program, "close")) as [unknown];
  return { code, out, error };
}

test("--help shows examples and ends with 0", async () => {
  const { code, out } = await ended(start(["--help"]));
  expect(code).toBe(0);
  expect(out).toContain("Examples\n  bluepower-sandbox");
});

test.each([
  { args: ["--colour"], says: "--colour" },
  { args: ["--port", "x"], says: "--port must be 0 to 65535, not x" },
  { args: ["--notify-scale", "2"], says: "--notify-scale must be 0 to 1, not 2" },
])("$args is one clear line and not 0", async ({ args, says }) => {
  const { code, out, error } = await ended(start(args));
  expect(code).toBe(1);
  expect(out).toBe("");
  expect(error).toContain(says);
  expect(error.trimEnd().split("\n")).toHaveLength(1);
});

test("a taken port names the variable to change", async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const { port } = other.address() as AddressInfo;
  const { code, error } = await ended(start([], { SANDBOX_PORT: String(port), SANDBOX_CONTROL_PORT: "0" }));
  expect(code).toBe(1);
  expect(error).toBe(`bluepower-sandbox: port ${port} is taken: set SANDBOX_PORT to a free one\n`);
  other.close();
});

test("it says where it is, answers there, and ends cleanly when it is asked to", async () => {
  const program = start(["--json", "--port", "0", "--control-port", "0"]);
  const end = ended(program);
  if (program.stdout === null) throw new Error("no output");
  const [line] = (await once(createInterface(program.stdout), "line")) as [string];
  const { controlUrl, credentialsFile } = JSON.parse(line) as { controlUrl: string; credentialsFile: string };
  expect(await get(`${controlUrl}/messages`)).toEqual({ messages: [] });
  expect(credentialsFile).toBe(join(folder, "sandbox", "credentials.json"));
  program.kill("SIGTERM");
  expect(await end).toMatchObject({ code: 0, error: "" });
});

test("what it has answered it still knows after kill -9", async () => {
  const begin = async () => {
    const program = start(["--json", "--port", "0", "--control-port", "0"]);
    if (program.stdout === null) throw new Error("no output");
    const [line] = (await once(createInterface(program.stdout), "line")) as [string];
    const at = JSON.parse(line) as { wireUrl: string; controlUrl: string; credentialsFile: string };
    const credentials = JSON.parse(readFileSync(at.credentialsFile, "utf8")) as Credentials;
    return { program, end: ended(program), ...at, credentials };
  };
  const first = await begin();
  const order = await call(first, "POST", "/v3/pay/transactions/jsapi", jsapiBody(first.credentials));
  const payment = { ...requestPayment(first.credentials, order.body.prepay_id), notify: "never" };
  const { body: paid } = await post(`${first.controlUrl}/pay`, payment);
  first.program.kill("SIGKILL");
  await first.end;
  const second = await begin();
  const { transactions } = await get(`${second.controlUrl}/transactions`);
  expect(transactions).toEqual([{ ...paid, description: "充电 1 单元", refunds: [], shipped: false }]);
  second.program.kill("SIGTERM");
  await second.end;
});
