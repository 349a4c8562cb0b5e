/**
 * virtual-air: virtual Bluetooth controllers in one air, as H4 on a unix socket. Prints `control 127.0.0.1:PORT` when
 * a control channel was asked for, then `listening`, and runs until SIGTERM or SIGINT.
 */
import { parseArgs } from "node:util";
import { seededRandom } from "@bluepower/protocol/random";
import { serveControl } from "./control.ts";
import { serveH4 } from "./server.ts";
import { createVirtualRadio } from "./virtualRadio.ts";

const USAGE = "virtual-air --socket PATH [--timing instant|interval] [--control PORT] [--seed TEXT]";

type Options =
  | { kind: "run"; socket: string; timing: "instant" | "interval"; control: number | undefined; seed: string }
  | { kind: "refused"; message: string };

function readOptions(args: string[]): Options {
  let values: { socket?: string; timing?: string; control?: string; seed?: string };
  try {
    ({ values } = parseArgs({
      args,
      options: {
        socket: { type: "string" },
        timing: { type: "string", default: "instant" },
        control: { type: "string" },
        seed: { type: "string", default: "virtual-air" },
      },
    }));
  } catch (error) {
    return { kind: "refused", message: error instanceof Error ? error.message : String(error) };
  }
  const { socket, timing, control, seed = "" } = values;
  if (socket === undefined)
    return { kind: "refused", message: "--socket: the path of a unix socket is wanted" };
  if (timing !== "instant" && timing !== "interval") {
    return { kind: "refused", message: "--timing: instant or interval" };
  }
  if (control !== undefined && !(/^\d{1,5}$/.test(control) && Number(control) <= 65535)) {
    return { kind: "refused", message: "--control: a port from 0 (any free one) to 65535" };
  }
  return {
    kind: "run",
    socket,
    timing,
    control: control === undefined ? undefined : Number(control),
    seed,
  };
}

async function run(options: Extract<Options, { kind: "run" }>): Promise<void> {
  const radio = createVirtualRadio({ timing: options.timing, random: seededRandom(options.seed) });
  const hosts = await serveH4(radio, options.socket);
  const control = options.control === undefined ? undefined : await serveControl(radio, options.control);
  const stop = async (): Promise<void> => {
    await Promise.all([hosts.close(), control?.close()]);
    radio.close();
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void stop());
  if (control !== undefined) console.log(`control 127.0.0.1:${control.port}`);
  console.log("listening");
}

const options = readOptions(process.argv.slice(2));
if (options.kind === "refused") {
  console.error(`${options.message}\n${USAGE}`);
  process.exitCode = 2;
} else {
  await run(options).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  });
}
