import { instant, seconds } from "@bluepower/protocol/clock";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { expect, it } from "vitest";
import { ScriptedAdapter } from "./scriptedNoble.ts";
import { watchAdapter } from "./watch.ts";

function watched() {
  const clock = new SimulatedClock(instant(0), () => new Promise((resolve) => setImmediate(resolve)));
  const adapter = new ScriptedAdapter();
  const history: string[] = [];
  watchAdapter({
    clock,
    adapter,
    up: (address) => history.push(`up ${address}`),
    fatal: (reason) => history.push(reason),
  });
  const comeUp = (): void => {
    adapter.address("02:b0:c0:00:00:01");
    adapter.state("poweredOn");
  };
  return { clock, adapter, history, comeUp };
}

it("an adapter is up once it has an address and is powered on, and is asked every 10 s", async () => {
  const { clock, adapter, history, comeUp } = watched();
  comeUp();
  adapter.state("poweredOn");
  await clock.advance(seconds(100));
  expect(history).toEqual(["up 02:b0:c0:00:00:01"]);
  expect(adapter.calls).toHaveLength(10);
});

it("an adapter that does not come up ends the process after 8 s", async () => {
  const { clock, history } = watched();
  await clock.advance(seconds(7.9));
  expect(history).toEqual([]);
  await clock.advance(seconds(0.2));
  expect(history).toEqual(["the adapter does not come up: is it there, down, and used by nobody else?"]);
});

it("an adapter that hangs ends the process within 13 s", async () => {
  const { clock, adapter, history, comeUp } = watched();
  comeUp();
  adapter.obeys.address = false;
  await clock.advance(seconds(13.1));
  expect(history.slice(1)).toEqual(["the adapter does not answer"]);
});

for (const [state, reason] of Object.entries({
  poweredOff: "the adapter was switched off",
  unauthorized: "no permission for the adapter: CAP_NET_RAW and CAP_NET_ADMIN are needed",
  unsupported: "the adapter does not know Bluetooth Low Energy",
})) {
  it(`an adapter that is ${state} ends the process`, () => {
    const { adapter, history, comeUp } = watched();
    comeUp();
    adapter.state(state);
    expect(history.slice(1)).toEqual([reason]);
  });
}
