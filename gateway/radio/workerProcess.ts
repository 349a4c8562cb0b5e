import { type ChildProcess, fork } from "node:child_process";
import { createInterface } from "node:readline";
import type { ToWorker } from "../ble-worker/ipc.ts";

/** The worker as its parent sees it: a real process, or a script in tests. */
export interface WorkerProcess {
  /** Of the process, where it is one. */
  readonly pid?: number | undefined;
  /** What cannot be delivered is dropped: the heartbeat finds out. */
  send(message: ToWorker): void;
  /** Kills without asking (SIGKILL): a frozen process hears nothing else. */
  kill(): void;
  onMessage(listener: (message: unknown) => void): void;
  /** Called once, also when the process never came to life. */
  onExit(listener: (how: string) => void): void;
  /** Lines of its standard output and error. */
  onOutput(listener: (line: string) => void): void;
}

/** A line of the worker is for diagnosis; a longer one is cut. */
const LINE_MAX = 500;

/**
 * Forks the worker from its bundle. `radio` is `hci` or `virtual:SOCKET`; `device` the number of the adapter, where
 * there are several.
 */
export function forkWorker(of: { bundle: string; radio: string; device?: number }): WorkerProcess {
  const child: ChildProcess = fork(of.bundle, ["--radio", of.radio], {
    serialization: "advanced",
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    // The parent's loader and inspector are not the worker's.
    execArgv: [],
    env: { ...process.env, ...(of.device === undefined ? {} : { NOBLE_HCI_DEVICE_ID: String(of.device) }) },
  });
  let exited: ((how: string) => void) | undefined;
  const exit = (how: string): void => {
    exited?.(how);
    exited = undefined;
  };
  child.once("exit", (code, signal) => exit(signal ?? `code ${code}`));
  child.once("error", (error) => exit(error.message));
  return {
    pid: child.pid,
    send(message) {
      if (child.connected) child.send(message, () => {});
    },
    kill: () => void child.kill("SIGKILL"),
    onMessage: (listener) => void child.on("message", listener),
    onExit(listener) {
      exited = listener;
    },
    onOutput(listener) {
      for (const stream of [child.stdout, child.stderr]) {
        if (stream !== null)
          createInterface({ input: stream }).on("line", (l) => listener(l.slice(0, LINE_MAX)));
      }
    },
  };
}
