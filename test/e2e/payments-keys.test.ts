import { seconds } from "@bluepower/protocol/clock";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type PayBench, payBench } from "./payBench.ts";
import { until } from "./until.ts";

/** WeChat Pay changes its certificate while payments run. */

let bench: PayBench;
beforeAll(async () => {
  bench = await payBench({ keys: "certificates" });
});
afterAll(() => bench?.stop());

const told = (since: number) =>
  until("it is told", bench.finished, (list) => list.length > since).then((list) => list[since]);

test("what the new certificate signs is refused until it is fetched, at most once a minute, and nothing is lost", async () => {
  // The first answer brings the first certificate.
  const first = await bench.charging();
  const { content } = await bench.ready(first);
  await bench.payAs(content, "once");
  await bench.paid(first);

  const second = await bench.charging();
  const open = await bench.ready(second);
  await bench.control("/rotate-certificate", {});
  const since = (await bench.finished()).length;
  await bench.payAs(open.content, "once");
  expect(await bench.payments.result("order", second)).toBe("pending");
  expect((await bench.order(second)).payState).toBe("paying");
  // Refused and told again, until a minute has passed since the first certificate was fetched.
  bench.pass(seconds(60));
  await bench.paid(second);
  expect(await told(since)).toMatchObject({ state: "taken" });
  expect(await bench.books(second)).toMatchObject({
    ...{ attempts: ["paid"], ledger: { wechat: 300, manager: 300 }, wechat: { kept: 300 }, violations: [] },
  });

  const third = await bench.charging();
  const known = await bench.ready(third);
  await bench.payAs(known.content, "once");
  await bench.paid(third);
});

test("a serial that stays unknown is refused, however often it is named", async () => {
  bench.pass(seconds(60));
  for (let i = 0; i < 2; i++) {
    const orderId = await bench.charging();
    const { content } = await bench.ready(orderId);
    const since = (await bench.finished()).length;
    await bench.payAs(content, "wrong-serial");
    expect(await told(since)).toMatchObject({ state: "given up", deliveries: [{ result: 400 }] });
    expect((await bench.order(orderId)).payState).toBe("paying");
    expect(await bench.payments.result("order", orderId)).toBe("paid");
  }
});
