import childProcess, { type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { createRequire, syncBuiltinESMExports } from "node:module";
import { connect, Socket } from "node:net";
import { basename, dirname } from "node:path";
import { createInterface } from "node:readline";
import { createH4Reader } from "@bluepower/protocol/hci/h4";
import type BetterSqlite from "better-sqlite3";
import { answerLabel, commitLabels, Frames, mqttLabels, requestLabel, writeOf } from "./labels.ts";
import { type FromProbe, type Place, type Program, SOCKET, type ToProbe, type When } from "./wire.ts";

/**
 * Loaded by a test into a running program (`NODE_OPTIONS=--import`), before its own first line. It sees each commit and each
 * send, names them to the test, and at the place it was told stands still, so that the test kills the program
 * exactly there.
 */

/** The test kills within moments; a test that is gone itself leaves no program behind. */
const ORPHAN_MS = 60_000;

const path = process.env[SOCKET];
const program = programHere(process.argv);
if (path !== undefined && program !== undefined) await attach(path, program);

function programHere([, file = "", ...words]: readonly string[]): Program | undefined {
  const name = `${basename(dirname(file))}/${basename(file)}`;
  if (name === "cloud/main.js" && words.includes("serve")) return "cloud";
  if (name === "gateway/main.js" && words.includes("run")) return "gateway";
  return basename(file) === "ble-worker.js" ? "ble-worker" : undefined;
}

/** Runs what the labels name, and tells of it; `run` is called exactly once. */
type Pass = <T>(labels: readonly string[], run: () => T) => T;

async function attach(path: string, program: Program): Promise<void> {
  const socket = connect(path);
  await once(socket, "connect");
  socket.unref();
  const fd = (socket as unknown as { _handle: { fd: number } })._handle.fd;
  /** In the act, not some turns of the loop later. */
  const say = (message: FromProbe): void => {
    const line = Buffer.from(`${JSON.stringify(message)}\n`);
    for (let at = 0; at < line.length; ) {
      try {
        at += writeSync(fd, line, at);
      } catch (error) {
        // The test reads; until then the pipe is full.
        if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return;
      }
    }
  };
  const standStill = (): never => {
    say({ kind: "stands" });
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ORPHAN_MS);
    process.kill(process.pid, "SIGKILL");
    throw new Error("a killed program goes on");
  };

  let watching = false;
  let stopAt: Place | null = null;
  const counts = new Map<string, number>();
  const pass: Pass = (labels, run) => {
    if (!watching || labels.length === 0) return run();
    let here: When | undefined;
    for (const label of labels) {
      const n = (counts.get(label) ?? 0) + 1;
      counts.set(label, n);
      if (stopAt?.label === label && stopAt.n === n) here = stopAt.when;
    }
    say({ kind: "points", labels: [...labels] });
    if (here === "before") standStill();
    const value = run();
    if (here === "after") standStill();
    return value;
  };
  createInterface({ input: socket }).on("line", (line) => {
    const message = JSON.parse(line) as ToProbe;
    watching = message.kind === "watch";
    stopAt = message.kind === "watch" ? message.stopAt : null;
    counts.clear();
    say({ kind: "ready" });
  });

  if (program !== "ble-worker") watchDatabase(pass);
  const frames = new Frames();
  watchSockets(pass, { own: socket, frames });
  if (program === "gateway") watchWorker(pass, frames);
  if (program === "ble-worker") watchGateway(pass, frames);
  say({ kind: "hello", program, pid: process.pid });
}

/** Commits: of transactions, and of single statements outside of one. */
function watchDatabase(pass: Pass): void {
  const Sqlite = createRequire(import.meta.url)("better-sqlite3") as typeof BetterSqlite;
  const writes = new Set<string>();
  const commit = <T>(run: () => T): T => {
    const labels = commitLabels(writes);
    writes.clear();
    return pass(labels, run);
  };

  const { exec } = Sqlite.prototype;
  Sqlite.prototype.exec = function (this: BetterSqlite.Database, sql: string) {
    if (sql === "commit") return commit(() => exec.call(this, sql));
    if (sql === "rollback") writes.clear();
    return exec.call(this, sql);
  };

  type Method = (this: BetterSqlite.Statement, ...parameters: unknown[]) => unknown;
  const memory = new Sqlite(":memory:");
  const statements = Object.getPrototypeOf(memory.prepare("select 1")) as Record<
    "run" | "get" | "all",
    Method
  >;
  memory.close();
  for (const name of ["run", "get", "all"] as const) {
    const original = statements[name];
    statements[name] = function (...parameters) {
      const run = (): unknown => original.apply(this, parameters);
      if (this.source.toUpperCase() === "COMMIT") return commit(run);
      if (this.source === "ROLLBACK") writes.clear();
      const write = this.readonly ? undefined : writeOf(this.source, parameters);
      if (write === undefined) return run();
      if (!this.database.inTransaction) {
        writes.add(write);
        return commit(run);
      }
      const value = run();
      if (changed(value)) writes.add(write);
      return value;
    };
  }
}

/** A statement that found nothing to change is no write. */
function changed(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value !== "object" || value === null) return value !== undefined && value !== null;
  return !("changes" in value) || value.changes !== 0;
}

type Done = (error?: Error | null) => void;

interface Streams {
  _write(chunk: Buffer | string, encoding: BufferEncoding, done: Done): void;
  _writev(chunks: { chunk: Buffer | string; encoding: BufferEncoding }[], done: Done): void;
}

/** Bytes that leave through sockets: HTTP both ways, MQTT, and HCI to the virtual controller. */
function watchSockets(pass: Pass, { own, frames }: { own: Socket; frames: Frames }): void {
  const said = new Set<string | undefined>();
  const labelsOf = (socket: Socket, bytes: Buffer): string[] => {
    if (socket === own) return [];
    const { _httpMessage: message } = socket as { _httpMessage?: ServerResponse | null };
    const http = message?.req?.url === undefined ? requestLabel(bytes) : answerLabel(bytes, message.req.url);
    if (http !== undefined) return [http];
    const mqtt = mqttLabels(bytes).filter(({ identity }) => identity === undefined || !said.has(identity));
    for (const { identity } of mqtt) said.add(identity);
    if (mqtt.length > 0) return mqtt.map(({ label }) => label);
    return createH4Reader()
      .push(bytes)
      .packets.map((packet) => frames.label(Buffer.from(packet)))
      .filter((label) => label !== undefined);
  };
  const streams = Socket.prototype as unknown as Streams;
  const { _write, _writev } = streams;
  const whole = (chunk: Buffer | string, encoding: BufferEncoding): Buffer =>
    typeof chunk === "string" ? Buffer.from(chunk, encoding) : chunk;
  streams._write = function (this: Socket & Streams, chunk, encoding, done) {
    pass(labelsOf(this, whole(chunk, encoding)), () => _write.call(this, chunk, encoding, done));
  };
  streams._writev = function (this: Socket & Streams, chunks, done) {
    const bytes = Buffer.concat(chunks.map((c) => whole(c.chunk, c.encoding)));
    pass(labelsOf(this, bytes), () => _writev.call(this, chunks, done));
  };
}

type Send = (message: { kind: string; bytes?: Uint8Array; link?: number }, ...more: unknown[]) => boolean;

/** Frames from the gateway to its Bluetooth process. */
function watchWorker(pass: Pass, frames: Frames): void {
  const { fork } = childProcess;
  childProcess.fork = ((...parameters: Parameters<typeof fork>): ChildProcess => {
    const child = fork(...parameters);
    const send = child.send.bind(child) as unknown as Send;
    child.send = ((message, ...more) => {
      const label =
        message.kind === "write" && message.bytes !== undefined
          ? frames.chunk(message.link ?? 0, Buffer.from(message.bytes).toString("latin1"))
          : undefined;
      return pass(label === undefined ? [] : [label], () => send(message, ...more));
    }) as Send as unknown as typeof child.send;
    return child;
  }) as typeof fork;
  syncBuiltinESMExports();
}

/** What the Bluetooth process says to its gateway: that a frame is written, and what the charger answers. */
function watchGateway(pass: Pass, frames: Frames): void {
  const send = process.send?.bind(process) as unknown as Send | undefined;
  if (send === undefined) return;
  process.send = ((message, ...more) => {
    const label =
      message.kind === "written" || message.kind === "bytes" ? frames.answer(message.kind) : undefined;
    return pass(label === undefined ? [] : [label], () => send(message, ...more));
  }) as Send as unknown as NonNullable<typeof process.send>;
}
