import { instant } from "@bluepower/protocol/clock";
import fc from "fast-check";
import { expect, test } from "vitest";
import { orderIds } from "../identifiers.ts";
import { billedUnits } from "./bill.ts";

test.each([
  [0, 0],
  [4, 0],
  [5, 1],
  [30, 1],
  [31, 2],
  [60, 2],
  [61, 3],
  [90, 3],
  [200, 3],
])("%d proven minutes of three units are billed as %d", (minutes, billed) => {
  for (const endReason of ["time", "port_damaged", "charger_lost", "operator"] as const) {
    expect(billedUnits({ agreedUnit: 3, minutes, endReason })).toBe(billed);
  }
});

test("who ends the charge owes what was agreed", () => {
  expect(billedUnits({ agreedUnit: 12, minutes: 0, endReason: "user" })).toBe(12);
});

test("never more than agreed, never less with more minutes", () => {
  const minutes = fc.integer({ min: 0, max: 1000 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), minutes, minutes, (agreedUnit, a, b) => {
      const [less, more] = [Math.min(a, b), Math.max(a, b)].map((m) =>
        billedUnits({ agreedUnit, minutes: m, endReason: "time" }),
      );
      expect(more).toBeLessThanOrEqual(agreedUnit);
      expect(less).toBeLessThanOrEqual(more ?? -1);
    }),
  );
});

test("an order id is 9, four digits of the phone and the second, counted up modulo a thousand million", () => {
  const ids = orderIds("13800001234", instant(1_999_999_999_000));
  expect([ids.next().value, ids.next().value]).toEqual(["91234999999999", "91234000000000"]);
});
