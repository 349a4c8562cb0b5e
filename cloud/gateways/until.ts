import { millis, seconds, wait } from "@bluepower/protocol/clock";
import { systemClock } from "@bluepower/protocol/systemClock";

/** For tests on real sockets: resolves when `condition` holds; throws when it does not come to hold. */
export async function until(condition: () => boolean, limit = seconds(15)): Promise<void> {
  const deadline = systemClock.uptime() + limit;
  while (!condition()) {
    if (systemClock.uptime() > deadline) throw new Error(`it did not come to hold: ${condition}`);
    await wait(systemClock, millis(5), "until");
  }
}
