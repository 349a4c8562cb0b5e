/**
 * bluepower-charger: the charger in software as a Bluetooth peripheral, with a live picture or log lines, a
 * state file and a control port (spec 6). Ends with code 1 when the adapter is lost, for a supervisor to start it
 * anew: bleno cannot be closed and opened again in one process.
 */

import { millis } from "@bluepower/protocol/clock";
import { systemClock as clock } from "@bluepower/protocol/systemClock";
import { bluetoothName } from "@bluepower/protocol/units";
import { openBleno } from "./bleno.ts";
import { SimulatedCharger } from "./charger.ts";
import { HELP, readCommandLine, type Settings } from "./commandLine.ts";
import { serveControl } from "./control.ts";
import { eventLine } from "./eventLine.ts";
import { type FaultyCharger, SILENT_DEFAULT } from "./faults.ts";
import { startPeripheral } from "./peripheral.ts";
import { picture } from "./picture.ts";
import { keepStateFile, readStateFile } from "./stateFile.ts";
import { openTerminal } from "./terminal.ts";

/** What the key for a late reply delays it by: longer than a user waits without asking. */
const KEY_DELAY = millis(2500);

const command = readCommandLine(process.argv.slice(2));
switch (command.kind) {
  case "help":
    process.stdout.write(HELP);
    break;
  case "refused":
    console.error(`${command.problem} (see --help)`);
    process.exitCode = 2;
    break;
  case "run":
    await run(command.settings);
    break;
}

async function run(settings: Settings): Promise<void> {
  const name = bluetoothName(settings.chip);
  const saved = settings.state === undefined ? undefined : readStateFile(settings.state, settings.chip);
  if (saved !== undefined && "problem" in saved) {
    console.error(saved.problem);
    process.exit(1);
  }
  const charger = new SimulatedCharger({ ...settings, clock, saved });
  const live = process.stdout.isTTY === true && process.stdin.isTTY === true && !settings.json;
  let close = (): void => {};
  let stopping = false;
  let file: { save: () => void } | undefined;

  const log = (event: string, msg: string, more: object = {}): void => {
    if (settings.json) console.log(JSON.stringify({ level: 30, time: clock.now(), event, ...more, msg }));
    else if (!live) console.log(msg);
  };
  const stop = (code: number, reason?: string): never => {
    stopping = true;
    file?.save();
    close();
    if (reason !== undefined) {
      if (settings.json)
        console.log(JSON.stringify({ level: 60, time: clock.now(), event: "end", msg: reason }));
      else console.error(reason);
    }
    process.exit(code);
  };
  if (settings.state !== undefined) {
    file = keepStateFile({
      path: settings.state,
      charger,
      clock,
      failed: (reason) => {
        if (!stopping) stop(1, reason);
      },
    });
  }
  charger.onEvent((event) => {
    const line = eventLine(event, settings.verbose);
    if (line === undefined) return;
    const { kind, ...more } = event;
    log(kind, line, more);
  });

  let radio = "starting";
  let faulty: FaultyCharger | undefined;
  const view = () => ({
    chip: settings.chip,
    name,
    speed: settings.speed,
    radio,
    ...charger.view(),
    faults: faulty?.pending() ?? [],
  });
  let bleno: ReturnType<typeof openBleno>;
  try {
    bleno = openBleno({ radio: settings.radio, lost: (reason) => stop(1, reason) });
  } catch (error) {
    return stop(1, `no Bluetooth here: ${error instanceof Error ? error.message : String(error)}`);
  }
  const onAir = startPeripheral({
    charger,
    clock,
    bleno,
    chunk: settings.chunk,
    ready(address) {
      radio = address;
      log("ready", `${name} advertises on ${address}`, { address });
    },
    fatal: (reason) => stop(1, reason),
  });
  faulty = onAir;
  // bleno ends the process with code 1 on SIGINT as long as nobody listens after it.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop(0));

  let control: string | undefined;
  if (settings.control !== undefined) {
    try {
      const served = await serveControl(
        { ports: charger.profile.ports, state: view, apply: (fault) => onAir.apply(fault) },
        settings.control,
      );
      control = `127.0.0.1:${served.port}`;
      log("control", `control port on ${control}`, { control });
    } catch (error) {
      stop(1, `--control: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (!live) return;

  const terminal = openTerminal({
    screen: process.stdout,
    keyboard: process.stdin,
    clock,
    lines: (size, phase) =>
      picture(
        { name, speed: settings.speed, view: charger.view(), radio, control, faults: onAir.pending(), phase },
        size,
      ),
    key: (key) => press(key, { charger, onAir, quit: () => stop(0) }),
  });
  close = terminal.close;
  // Also when an exception ends the process.
  process.on("exit", terminal.close);
  charger.onEvent(terminal.draw);
}

function press(key: string, on: { charger: SimulatedCharger; onAir: FaultyCharger; quit: () => void }): void {
  const { charger, onAir } = on;
  const port = charger.view().ports.find((p) => String(p.port) === key);
  if (port !== undefined) charger.setDamaged(port.port, port.state !== "damaged");
  else if (key === "p") onAir.togglePower();
  else if (key === "d") onAir.apply({ kind: "drop-link" });
  else if (key === "s") {
    onAir.apply({ kind: "silent", ms: SILENT_DEFAULT, times: onAir.silent ? 0 : Number.POSITIVE_INFINITY });
  } else if (key === "l") onAir.apply({ kind: "lose-reply", times: 1 });
  else if (key === "y") onAir.apply({ kind: "delay", ms: KEY_DELAY, times: 1 });
  else if (key === "q") on.quit();
}
