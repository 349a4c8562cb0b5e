import { type Clock, seconds, type Timer } from "@bluepower/protocol/clock";
import { systemClock } from "@bluepower/protocol/systemClock";
import { Central } from "./central.ts";
import { decodeToWorker, type FromWorker } from "./ipc.ts";
import { openNoble, parseRadioChoice } from "./openNoble.ts";
import { watchAdapter } from "./watch.ts";

/**
 * The Bluetooth process: one per adapter, forked by the gateway with IPC. noble lives only here, so that whatever it does –
 * block, hang, crash – stops neither orders nor the uplink. It ends itself with a reason where noble cannot be brought
 * back; the gateway starts it anew.
 */

const HEARTBEAT = seconds(1);
/** Messages the gateway has not taken: one that does not read for a quarter of an hour is gone or frozen. */
const UNREAD_MAX = 1000;

function main(clock: Clock): void {
  const send = sender();
  let ending = false;
  const end = (reason: string): void => {
    if (ending) return;
    ending = true;
    // The reason shall arrive; a gateway that does not take it gets none.
    const leave = (): never => process.exit(reason === "stopped" ? 0 : 1);
    clock.after(seconds(0.5), "exit", leave);
    if (process.connected) process.send?.({ kind: "ending", reason } satisfies FromWorker, () => leave());
    else leave();
  };
  process.on("uncaughtException", (error) =>
    end(`an error in the Bluetooth library: ${error.stack ?? error.message}`),
  );
  process.on("disconnect", () => end("the gateway is gone"));

  const argument = process.argv[process.argv.indexOf("--radio") + 1] ?? "";
  const radio = parseRadioChoice(argument);
  if (radio === undefined || process.send === undefined) {
    console.error(
      process.send === undefined
        ? "ble-worker is started by bluepower-gateway, not by hand"
        : `--radio is hci or virtual:SOCKET, not "${argument}"`,
    );
    process.exit(2);
  }

  const adapter = openNoble({ radio, lost: end, warn: (message) => console.error(message) });
  const central = new Central({ clock, adapter, send, fatal: end });
  watchAdapter({
    clock,
    adapter,
    fatal: end,
    up(address) {
      send({ kind: "up", address });
      central.start();
      // Behind the library's own handler, which ends the process when it is the last: Ctrl-C reaches the whole group, and
      // the gateway ends this process in order.
      process.on("SIGINT", () => {});
      process.on("SIGTERM", () => {});
    },
  });
  process.on("message", (message) => {
    const decoded = decodeToWorker(message);
    if (decoded === undefined) console.error("a message of the gateway was not understood");
    else central.receive(decoded);
  });
  const beat = (): Timer =>
    clock.after(HEARTBEAT, "heartbeat", () => {
      send({ kind: "heartbeat" });
      beat();
    });
  send({ kind: "heartbeat" });
  beat();

  function sender(): (message: FromWorker) => void {
    let unread = 0;
    return (message) => {
      if (ending || !process.connected) return;
      unread += 1;
      if (unread > UNREAD_MAX) {
        end("the gateway does not read");
        return;
      }
      process.send?.(message, (error: Error | null) => {
        unread -= 1;
        if (error !== null) end("the gateway is gone");
      });
    };
  }
}

main(systemClock);
