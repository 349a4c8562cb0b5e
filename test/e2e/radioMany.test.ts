import { seconds } from "@bluepower/protocol/clock";
import { minutes, portNo } from "@bluepower/protocol/units";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Bench, chipOf, radioBench, requests } from "./radioBench.ts";
import { until } from "./until.ts";

/** The gateway's radio on the real noble with more chargers than links. */

const ok = { kind: "done", value: { kind: "ok" } };

describe("ten chargers", () => {
  let bench: Bench;
  const { use } = requests(() => bench);
  beforeAll(async () => {
    bench = await radioBench({ assigned: 10, links: 5 });
    for (let n = 1; n <= 10; n++) await bench.charger(n);
  });
  afterAll(() => bench.stop());
  const numbers = Array.from({ length: 10 }, (_, i) => i + 1);

  it("are all served over five links", async () => {
    const outcomes = await Promise.all(numbers.map((n) => use(n, (s) => s.powerOn(portNo(1), minutes(30)))));
    for (const outcome of outcomes) expect(outcome).toMatchObject(ok);
    for (const n of numbers) expect((await bench.view(n)).ports[0]?.state).toBe("running");
  });

  it("one of them without power: the others are served, and its own command is answered at its deadline", async () => {
    bench.killCharger(1);
    const dead = use(1, (s) => s.blink(), seconds(7));
    const living = await Promise.all(numbers.slice(1).map((n) => use(n, (s) => s.blink(), seconds(7))));
    for (const outcome of living) expect(outcome).toMatchObject(ok);
    expect((await dead).kind).toBe("unreachable");
    expect(bench.workers).toHaveLength(1);
  });

  it("over an adapter that holds two links only: it is learned, and all are served", async () => {
    for (const n of numbers.slice(3)) bench.killCharger(n);
    bench.fault({ kind: "connection-limit", central: bench.central(), n: 2 });
    for (const n of [2, 3]) bench.fault({ kind: "drop-link", name: chipOf(n), how: "now" });
    await bench.charger(1);
    await until(
      "the budget is learned",
      async () => {
        await Promise.all([1, 2, 3].map((n) => use(n, (s) => s.blink())));
        return bench.scheduler.links().budget;
      },
      (budget) => budget <= 2,
    );
    for (const n of [1, 2, 3, 1]) expect(await use(n, (s) => s.blink())).toMatchObject(ok);
  });
});
