import { type Clock, seconds, type Timer } from "@bluepower/protocol/clock";
import type { NobleAdapter } from "./noble.ts";

/** Resetting and asking a controller takes well under a second; one behind a slow UART a little longer. */
const UP = seconds(8);
const ASK_EVERY = seconds(10);
const ANSWER = seconds(3);

/**
 * Starts the adapter and watches it. The user channel tells nothing of an adapter that was unplugged, reset or that hangs:
 * it is asked for its address from time to time, and no answer is the end.
 */
export function watchAdapter(of: {
  clock: Clock;
  adapter: NobleAdapter;
  /** Called once, when the adapter can be used. */
  up: (address: string) => void;
  fatal: (reason: string) => void;
}): void {
  let address: string | undefined;
  let poweredOn = false;
  let up = false;
  let asked = false;
  let answer: Timer = of.clock.after(UP, "adapter up", () => {
    if (!up) of.fatal("the adapter does not come up: is it there, down, and used by nobody else?");
  });

  const look = (): void => {
    if (up || !poweredOn || address === undefined) return;
    up = true;
    answer.cancel();
    of.up(address);
    ask();
  };
  const ask = (): void => {
    of.clock.after(ASK_EVERY, "adapter alive", () => {
      answer = of.clock.after(ANSWER, "adapter answer", () => of.fatal("the adapter does not answer"));
      asked = true;
      of.adapter.readAddress();
    });
  };

  of.adapter.onAddress((given) => {
    address = given;
    if (asked) {
      asked = false;
      answer.cancel();
      ask();
    }
    look();
  });
  of.adapter.onState((state) => {
    if (state === "poweredOn") poweredOn = true;
    // Links are gone then, and the library still shows them as connected.
    else if (state === "poweredOff") of.fatal("the adapter was switched off");
    else if (state === "unauthorized") {
      of.fatal("no permission for the adapter: CAP_NET_RAW and CAP_NET_ADMIN are needed");
    } else if (state === "unsupported") of.fatal("the adapter does not know Bluetooth Low Energy");
    look();
  });
}
