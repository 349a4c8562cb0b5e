import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { seconds } from "@bluepower/protocol/clock";
import { systemClock } from "@bluepower/protocol/systemClock";

export interface Program {
  name: string;
  /** Arguments of `node`: the bundle and its own. */
  args: string[];
  env: Record<string, string>;
  /** Resolves when it does its work; called again and again until it says true. */
  ready: () => Promise<boolean>;
}

export interface Running {
  name: string;
  /** Resolves when the program does its work, has failed or is being stopped. */
  ready: Promise<void>;
  stop(): Promise<void>;
}

/** A program that takes longer has a fault; the first start of the cloud makes keys and tables. */
const READY = seconds(30);
const STOP = seconds(10);
/** What a line of a program may have; the rest is cut. */
const LINE_MAX = 2000;

/**
 * Loaded before the program: its standard input is a pipe to the demo, whose end means that the demo is gone without
 * having stopped it (kill -9). Nothing is left running then that would hold the ports at the next start.
 */
const END_WITH_THE_DEMO = `data:text/javascript,${encodeURIComponent(
  'process.stdin.on("close", () => process.kill(process.pid, "SIGTERM")).resume().unref();',
)}`;

/**
 * Runs a program as its own process and starts it anew when it ends, as systemd does in production. Its output goes to
 * `line`; `failed` is called when it ends before it was ever ready, because then something has to be changed by hand.
 */
export function run(
  program: Program,
  on: { line: (name: string, line: string) => void; failed: (name: string, reason: string) => void },
): Running {
  let child: ChildProcess | undefined;
  let stopping = false;
  let wasReady = false;
  let ended: Promise<void> = Promise.resolve();

  const start = (): void => {
    const started = spawn(process.execPath, ["--import", END_WITH_THE_DEMO, ...program.args], {
      env: { ...process.env, ...program.env },
      stdio: ["pipe", "pipe", "pipe"],
      // A group of its own: Ctrl-C reaches the demo only, which then stops its programs in order.
      detached: true,
    });
    child = started;
    for (const stream of [started.stdout, started.stderr]) {
      createInterface({ input: stream }).on("line", (l) => on.line(program.name, l.slice(0, LINE_MAX)));
    }
    ended = new Promise((resolve) => {
      started.once("exit", (code, signal) => {
        resolve();
        if (stopping) return;
        if (!wasReady) {
          on.failed(program.name, `ended with ${signal ?? `code ${code}`} before it was ready`);
          return;
        }
        on.line(program.name, `ended with ${signal ?? `code ${code}`}; starting it anew`);
        systemClock.after(seconds(1), "restart", () => {
          if (!stopping) start();
        });
      });
    });
  };
  start();

  const becomeReady = async (): Promise<void> => {
    const deadline = systemClock.uptime() + READY;
    while (!stopping && !(await program.ready().catch(() => false))) {
      if (child?.exitCode !== null || child.signalCode !== null) break;
      if (systemClock.uptime() > deadline) {
        on.failed(program.name, `was not ready within ${READY / 1000} s`);
        break;
      }
      await new Promise<void>((resolve) => systemClock.after(seconds(0.05), "ready?", () => resolve()));
    }
    wasReady = true;
  };

  return {
    name: program.name,
    ready: becomeReady(),
    async stop() {
      stopping = true;
      const kill = systemClock.after(STOP, "kill", () => void child?.kill("SIGKILL"));
      child?.kill("SIGTERM");
      await ended;
      kill.cancel();
    },
  };
}
