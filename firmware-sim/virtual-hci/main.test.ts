import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createH4Reader } from "@bluepower/protocol/hci/h4";
import { rolldown } from "rolldown";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { command, nameData } from "./scriptedHost.ts";

let folder: string;
let program: string;
let path: string;
const children = new Set<ChildProcess>();
const sockets = new Set<Socket>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "virtual-air-"));
  program = join(folder, "main.mjs");
  path = join(folder, "air.sock");
  const bundle = await rolldown({ input: join(import.meta.dirname, "main.ts"), platform: "node" });
  await bundle.write({ file: program, format: "esm" });
  await bundle.close();
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  const ends = [...children].map((child) => {
    child.kill("SIGKILL");
    return child.exitCode === null && child.signalCode === null ? once(child, "exit") : undefined;
  });
  await Promise.all(ends);
  children.clear();
});
afterAll(() => rm(folder, { recursive: true }));

/** Starts the program and waits until it listens or ends. */
async function start(...args: string[]) {
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  children.add(child);
  const lines: string[] = [];
  let errors = "";
  child.stderr.on("data", (text: Buffer) => {
    errors += text;
  });
  const ended = once(child, "close");
  const output = createInterface(child.stdout);
  await Promise.race([
    ended,
    new Promise<void>((resolve) => {
      output.on("line", (line) => {
        lines.push(line);
        if (line === "listening") resolve();
      });
    }),
  ]);
  return { child, lines, ended, errors: () => errors };
}

/** A host on the unix socket. */
async function host() {
  const socket = connect(path);
  sockets.add(socket);
  await once(socket, "connect");
  const reader = createH4Reader();
  const said: string[] = [];
  let wake = (): void => {};
  socket.on("data", (bytes: Buffer) => {
    said.push(...reader.push(bytes).packets.map((packet) => Buffer.from(packet).toString("hex")));
    wake();
  });
  return {
    socket,
    write: (...packets: string[]) => {
      for (const packet of packets) socket.write(Buffer.from(packet.replaceAll(" ", ""), "hex"));
    },
    /** The first packet, from now on or waiting already, that begins so. */
    async hears(beginning: string): Promise<string> {
      for (;;) {
        const at = said.findIndex((packet) => packet.startsWith(beginning));
        const [found] = at < 0 ? [] : said.splice(at, 1);
        if (found !== undefined) return found;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}

async function ask(port: string, route: string, body?: string): Promise<{ status: number; body: unknown }> {
  const request = body === undefined ? {} : { method: "POST", body };
  const response = await fetch(`http://127.0.0.1:${port}${route}`, request);
  return { status: response.status, body: await response.json() };
}

describe("virtual-air", () => {
  it("gives every connection a controller of its own in one air, and takes it back", async () => {
    const { child, lines, ended } = await start("--socket", path);
    expect(lines).toEqual(["listening"]);
    const [central, charger, third] = [await host(), await host(), await host()];
    const addresses: string[] = [];
    for (const each of [central, charger, third]) {
      each.write(command.eventMask, command.leEventMask, "01 0910 00");
      addresses.push((await each.hears("040e0a01091000")).slice(14));
    }
    expect(new Set(addresses).size).toBe(3);
    charger.write(command.advertisingParameters(100), command.advertise(true));
    const address = (addresses[1]?.match(/../g) ?? []).reverse().join(":");
    central.write(command.connect(address, { timeout: 12 }));
    await central.hears("043e1301");
    charger.socket.destroy();
    expect(await central.hears("0405")).toBe("04050400400008");

    child.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
    await expect(access(path)).rejects.toThrow("ENOENT");
  });

  it("cuts off a host that speaks no H4, and serves the others on", async () => {
    await start("--socket", path);
    const [good, bad] = [await host(), await host()];
    const closed = once(bad.socket, "close");
    bad.socket.write("GET / HTTP/1.1\r\n\r\n");
    await closed;
    good.write("01 0910 00");
    expect(await good.hears("040e0a01091000")).toHaveLength(26);
  });

  it("is told faults and asked for its state over the control channel", async () => {
    const { lines } = await start("--socket", path, "--control", "0", "--timing", "interval");
    const port = /^control 127\.0\.0\.1:(\d+)$/.exec(lines[0] ?? "")?.[1] ?? "";
    const charger = await host();
    charger.write(command.advertisingData(nameData("BUC_A1B2C3D4E5F6")), command.advertise(true));
    await charger.hears("040e04010a2000");
    const fault = { kind: "absent", name: "A1B2C3D4E5F6" };
    expect(await ask(port, "/fault", JSON.stringify(fault))).toEqual({
      status: 200,
      body: { applied: true },
    });
    expect(await ask(port, "/state")).toMatchObject({
      status: 200,
      body: {
        timing: "interval",
        links: [],
        controllers: [{ name: "BUC_A1B2C3D4E5F6", absent: true, advertising: true, links: 0 }],
      },
    });
    const nobody = JSON.stringify({ kind: "absent", name: "A1B2C3D4E5F7" });
    expect((await ask(port, "/fault", nobody)).status).toBe(404);
    expect((await ask(port, "/fault", `{"kind":"absent"}`)).status).toBe(400);
    expect(await ask(port, "/fault", "{")).toEqual({ status: 400, body: { error: "body: JSON" } });
    expect((await ask(port, "/fault", " ".repeat(70_000))).status).toBe(413);
    expect((await ask(port, "/")).status).toBe(404);

    const closed = once(charger.socket, "close");
    await ask(port, "/fault", JSON.stringify({ kind: "unplug", name: "A1B2C3D4E5F6" }));
    await closed;
  });

  it("takes the place of a socket file that nobody serves, but not of one that is served", async () => {
    const first = await start("--socket", path);
    first.child.kill("SIGKILL");
    await first.ended;
    await access(path);
    const second = await start("--socket", path);
    expect(second.lines).toEqual(["listening"]);
    const third = await start("--socket", path);
    expect(third.lines).toEqual([]);
    expect(third.child.exitCode).toBe(1);
    expect(third.errors()).toContain("is served by another program");
    const stillServed = await host();
    stillServed.write("01 0910 00");
    await stillServed.hears("040e0a01091000");
  });

  it("does not delete a file that is no socket", async () => {
    const file = join(folder, "precious");
    await writeFile(file, "kept");
    const { child, errors } = await start("--socket", file);
    expect(child.exitCode).toBe(1);
    expect(errors()).toContain("is no socket");
    await access(file);
  });

  const refused = [
    { args: [], message: "--socket: the path of a unix socket is wanted" },
    { args: ["--socket", "x", "--timing", "fast"], message: "--timing: instant or interval" },
    { args: ["--socket", "x", "--control", "70000"], message: "--control: a port" },
    { args: ["--socket", "x", "--colour"], message: "--colour" },
  ];
  it.each(refused)("refuses $args and says what is allowed", async ({ args, message }) => {
    const { child, lines, errors } = await start(...args);
    expect(child.exitCode).toBe(2);
    expect(lines).toEqual([]);
    expect(errors()).toContain(message);
    expect(errors()).toContain("virtual-air --socket PATH");
  });
});
