import { chargerProfile } from "@bluepower/protocol/charger/profiles";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Bench, chipOf, radioBench, requests } from "./radioBench.ts";
import { until } from "./until.ts";

/** The gateway's radio on the real noble, where the adapter or its process fails. */

const profile = chargerProfile(1) ?? expect.fail("profile 1 is missing");

describe("the adapter", () => {
  let bench: Bench;
  const { use, served } = requests(() => bench);
  beforeAll(async () => {
    bench = await radioBench({ assigned: 1 });
    await Promise.all([bench.charger(1), bench.charger(2)]);
  });
  afterEach(() => bench.fault({ kind: "heal" }));
  afterAll(() => bench.stop());

  /** Connects to charger 2, of which the scheduler knows nothing, once the scheduler has its own link. */
  async function connect(signal?: AbortSignal) {
    await served(1);
    return bench.radio.connect(chipOf(2), profile, signal);
  }

  it("lets an attempt at an absent charger be cancelled, and connects it later", async () => {
    const first = await connect();
    if (first.kind === "connected") await first.link.close();
    bench.fault({ kind: "absent", name: chipOf(2) });
    expect(await connect(AbortSignal.timeout(300))).toEqual({ kind: "cancelled" });
    bench.fault({ kind: "present", name: chipOf(2) });
    const outcome = await connect();
    expect(outcome.kind).toBe("connected");
    if (outcome.kind === "connected") await outcome.link.close();
    expect(bench.workers).toHaveLength(1);
  });

  it("that does not answer a cancellation is given up, and the next process works", async () => {
    bench.fault({ kind: "absent", name: chipOf(2) });
    bench.fault({ kind: "swallow-command", name: bench.central(), opcode: 0x200e, times: 1 });
    const outcome = await connect(AbortSignal.timeout(300));
    expect(outcome).toEqual({ kind: "radio_down", detail: "a connection attempt cannot be cancelled" });
    await served(1);
    expect(bench.workers).toHaveLength(2);
  });

  it("that is pulled out ends the process at once; what is under way is answered", async () => {
    await served(1);
    const running = use(1, (s) => {
      bench.fault({ kind: "unplug", name: bench.central() });
      return s.blink();
    });
    expect(await running).toMatchObject({ kind: "done", value: { kind: "closed" } });
    await until(
      "the loss is logged",
      () => bench.log,
      (log) => log.some((entry) => /the virtual controller at .* is gone/.test(String(entry.reason))),
    );
    await served(1);
  });

  it("whose process freezes is killed after 5 s of silence and replaced; the gateway itself never waits", async () => {
    await served(1);
    const frozen = bench.workers.at(-1) ?? 0;
    process.kill(frozen, "SIGSTOP");
    const running = use(1, (s) => s.blink());
    expect(await running).toMatchObject({ kind: "done", value: { kind: "no_reply" } });
    await served(1);
    expect(() => process.kill(frozen, 0)).toThrow();
    expect(bench.log).toContainEqual(
      expect.objectContaining({ reason: "the Bluetooth process was silent for 5 s" }),
    );
  });

  it("that hangs is noticed within 13 s and left", async () => {
    await served(1);
    bench.fault({ kind: "hang", name: bench.central(), on: true });
    expect(await use(1, (s) => s.blink())).toMatchObject({ kind: "done", value: { kind: "no_reply" } });
    await served(1);
    const reasons = bench.log.map((entry) => entry.reason);
    // Whichever step comes first: the question for its address, or the end of the link that was not answered.
    expect(reasons).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/the adapter does not answer|a connection does not end|the scan does not stop/),
      ]),
    );
  });

  it("is left by a process that ends when it is told to", async () => {
    await served(1);
    const last = bench.workers.at(-1) ?? 0;
    await bench.scheduler.close();
    await bench.radio.close();
    expect(() => process.kill(last, 0)).toThrow();
    await until(
      "its links are gone",
      () => bench.air.air.links.length,
      (links) => links === 0,
    );
  });
});
