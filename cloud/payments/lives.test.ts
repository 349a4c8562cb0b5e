import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { GATED, type TestWorld, testWorld, USER } from "../orders/testWorld.ts";
import { minutes, payer, ROUND } from "./payer.ts";

let world: TestWorld;
beforeEach(async () => {
  world = await testWorld();
});
afterEach(async () => {
  expect(await world.violations()).toEqual([]);
  await world.close();
});

const { open, prepare, tell, balance } = payer(() => world);

test("random lives of orders and payments keep every invariant, and once WeChat answers nothing stays open", async () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("open" as const), coins: fc.integer({ min: 0, max: 3 }) }),
    fc.record({ do: fc.constant("finish" as const), minutes: fc.constantFrom(0, 4, 20, 40, 60) }),
    fc.record({
      do: fc.constantFrom(
        "prepare",
        "pay",
        "tell",
        "tell old",
        "ask",
        "close",
        "cancel",
        "expire",
        "round",
        "place",
      ),
    }),
    fc.record({
      do: fc.constant("fault" as const),
      call: fc.constantFrom("create", "query", "close", "refund"),
      kind: fc.constantFrom("down", "lost"),
    }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      await world.close();
      world = await testWorld();
      await world.giveCoins(USER, 4);
      let orderId = (await world.charging()).orderId;
      const numbers: string[] = [];
      for (const s of steps) {
        const last = numbers.at(-1) ?? "";
        if (s.do === "open" && "coins" in s) {
          const { money } = await world.order(orderId);
          const pmoney = Math.min(s.coins, Math.floor(money / 100));
          const opened = await open(orderId, { money, pmoney, cash: money - pmoney * 100 });
          if (opened.kind === "opened") numbers.push(opened.attempt.outTradeNo);
        } else if (s.do === "finish" && "minutes" in s) await world.finish(orderId, s.minutes);
        else if (s.do === "fault" && "call" in s) world.pay.faults[s.call].push(s.kind);
        else if (s.do === "prepare" && last !== "") {
          await prepare({ subject: last.slice(0, 14), outTradeNo: last, channel: "jsapi" });
        } else if (s.do === "pay") world.pay.pay(last);
        else if (s.do === "tell" && world.pay.transactions.get(last)?.state === "paid") await tell(last);
        else if (s.do === "tell old") {
          // WeChat took money although it said that it had closed the payment.
          const old = world.pay.transactions.get(numbers[0] ?? "");
          if (old !== undefined && old.state !== "paid") old.state = "open";
          world.pay.pay(numbers[0] ?? "");
          if (old !== undefined) await tell(numbers[0] ?? "");
        } else if (s.do === "ask") await world.payments.result("order", orderId);
        else if (s.do === "close") await world.payments.closeOpen(orderId);
        else if (s.do === "cancel") {
          await world.event({ kind: "order.cancelled", body: { orderId: orderId as never, detail: "" } });
        } else if (s.do === "expire") world.clock.jump(minutes(16));
        else if (s.do === "round") await world.clock.advance(ROUND);
        else if (s.do === "place") {
          const placed = await world.place({ port: 2, deviceCode: GATED });
          if (placed.kind === "placed") {
            orderId = placed.orderId;
            await world.event({
              kind: "order.started",
              body: {
                orderId: orderId as never,
                deviceCode: GATED as never,
                port: 2 as never,
                minutes: 60 as never,
                evidence: "reply",
              },
            });
          }
        }
        expect(await world.violations()).toEqual([]);
      }
      for (const call of ["create", "query", "close", "refund"] as const) world.pay.faults[call].length = 0;
      world.clock.jump(minutes(20));
      for (let i = 0; i < 4; i++) {
        await world.clock.advance(ROUND);
        world.clock.jump(minutes(1));
      }
      expect(await world.violations()).toEqual([]);
      expect(await balance(`user_coins_held:${USER}`)).toBe(0);
      expect(await balance("platform")).toBe(0);
      // WeChat holds for us what was paid there less what went back.
      const paid = [...world.pay.transactions.values()].filter((t) => t.state === "paid");
      const back = [...world.pay.refunds.values()].reduce((sum, r) => sum + r.amount, 0);
      const held = paid.reduce((sum, t) => sum + t.amount, 0) - back;
      expect(held + (await balance("wechat_clearing"))).toBe(0);
    }),
    { numRuns: 60 },
  );
}, 60_000);
