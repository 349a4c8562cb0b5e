import { expect, test } from "vitest";
import * as u from "./units.ts";

test("the jam code is the even characters of the chip ID, counted from 1", () => {
  expect(u.derivedJamCode(u.chipId("A1B2C3D4E5F6"))).toBe("123456");
});

test("a charger's name is told from others", () => {
  const chip = u.chipId("A1B2C3D4E5F6");
  expect(u.bluetoothName(chip)).toBe("BUC_A1B2C3D4E5F6");
  expect(u.chipIdOfName("BUC_A1B2C3D4E5F6")).toBe(chip);
  for (const other of [
    "",
    "BUC_",
    "BUC_a1b2c3d4e5f6",
    "BUC_A1B2C3D4E5F",
    "BUC_A1B2C3D4E5F67",
    "XBUC_A1B2C3D4E5F6",
  ]) {
    expect(u.chipIdOfName(other)).toBeUndefined();
  }
});

test("a charge is 1 to 360 minutes, a unit thirty", () => {
  expect([0, 1, 360, 361, 1.5, Number.NaN, "30"].map(u.isChargeMinutes)).toEqual([
    false,
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
  expect(u.chargeMinutes(u.units(12))).toBe(360);
  expect([0, 1, 12, 13].map(u.isUnits)).toEqual([false, true, true, false]);
});

for (const [make, good, bad] of [
  [u.fen, [0, 150, -3], [1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, "1"]],
  [u.minutes, [0, 998], [-1, 0.5, null]],
  [u.portNo, [1, 4], [0, 5, "1"]],
  [u.jamCode, ["12AZ09"], ["12345", "1234567", "12345a", "12345\n"]],
  [u.deviceCode, ["DEMO0001", "abcdEF12"], ["DEMO001", "DEMO_001"]],
  [u.phone, ["13800000001"], ["23800000001", "1380000000", 13800000001]],
  [u.orderId, ["90001234567890"], ["80001234567890", "9000123456789"]],
  [u.gatewayId, ["demo-gateway", "a"], ["", "a/b", "a+b", "#", "x".repeat(41)]],
] as const) {
  test(`${good.map(String).join(", ")} and not ${bad.map(String).join(", ")}`, () => {
    for (const value of good) expect(make(value)).toBe(value);
    for (const value of bad) expect(() => make(value)).toThrow(RangeError);
  });
}
