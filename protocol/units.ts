/**
 * Units and identifiers that cross program borders. The branded types are made only here and by the
 * schemas and decoders that check raw input with these functions (spec 1 and 2).
 */

type Brand<T, Name extends string> = T & { readonly __brand: Name };

/** Money: whole fen (1/100 yuan). */
export type Fen = Brand<number, "fen">;
/** Whole minutes. */
export type Minutes = Brand<number, "minutes">;
/** A charging time of thirty minutes, the unit in which charges are sold. */
export type Units = Brand<number, "units">;
/** A socket of a charger, 1–4. */
export type PortNo = Brand<number, "port">;
/** 12 characters `[0-9A-Z]`, the charger's identity. */
export type ChipId = Brand<string, "chip ID">;
/** 6 characters `[0-9A-Z]`, the secret of a charger's signatures. */
export type JamCode = Brand<string, "jam code">;
/** 8 characters `[0-9A-Za-z]`, printed as QR code. */
export type DeviceCode = Brand<string, "device code">;
/** 11 digits beginning with 1. */
export type Phone = Brand<string, "phone">;
/** `9` + last 4 of the phone + last 9 of the UNIX second: 14 digits. */
export type OrderId = Brand<string, "order id">;
/** Names a gateway in topics: 1–40 of `[A-Za-z0-9_-]`. */
export type GatewayId = Brand<string, "gateway id">;

export const UNIT_MINUTES = 30;
/** Six hours is the longest charge (spec 1). */
export const MAX_CHARGE_MINUTES = 360;
export const MAX_UNITS = MAX_CHARGE_MINUTES / UNIT_MINUTES;

const whole = (n: unknown, low: number, high: number): n is number =>
  typeof n === "number" && Number.isSafeInteger(n) && n >= low && n <= high;
const matching = (s: unknown, form: RegExp): s is string => typeof s === "string" && form.test(s);

export const isFen = (n: unknown): n is Fen => whole(n, -Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
export const isMinutes = (n: unknown): n is Minutes => whole(n, 0, Number.MAX_SAFE_INTEGER);
export const isChargeMinutes = (n: unknown): n is Minutes => whole(n, 1, MAX_CHARGE_MINUTES);
export const isUnits = (n: unknown): n is Units => whole(n, 1, MAX_UNITS);
export const isPortNo = (n: unknown): n is PortNo => whole(n, 1, 4);
export const isChipId = (s: unknown): s is ChipId => matching(s, /^[0-9A-Z]{12}$/);
export const isJamCode = (s: unknown): s is JamCode => matching(s, /^[0-9A-Z]{6}$/);
export const isDeviceCode = (s: unknown): s is DeviceCode => matching(s, /^[0-9A-Za-z]{8}$/);
export const isPhone = (s: unknown): s is Phone => matching(s, /^1[0-9]{10}$/);
export const isOrderId = (s: unknown): s is OrderId => matching(s, /^9[0-9]{13}$/);
export const isGatewayId = (s: unknown): s is GatewayId => matching(s, /^[A-Za-z0-9_-]{1,40}$/);

/** The value as the branded type; throws RangeError when it is not one: for literals and stored values. */
function must<T>(check: (v: unknown) => v is T, what: string): (v: unknown) => T {
  return (v) => {
    if (!check(v)) throw new RangeError(`not ${what}: ${JSON.stringify(v)}`);
    return v;
  };
}
export const fen = must(isFen, "whole fen");
export const minutes = must(isMinutes, "whole minutes");
export const units = must(isUnits, "1 to 12 units");
export const portNo = must(isPortNo, "a port, 1 to 4");
export const chipId = must(isChipId, "a chip ID, 12 of 0-9A-Z");
export const jamCode = must(isJamCode, "a jam code, 6 of 0-9A-Z");
export const deviceCode = must(isDeviceCode, "a device code, 8 of 0-9A-Za-z");
export const phone = must(isPhone, "a phone number, 11 digits beginning with 1");
export const orderId = must(isOrderId, "an order id, 9 and 13 digits");
export const gatewayId = must(isGatewayId, "a gateway id, 1 to 40 of A-Za-z0-9_-");

export const chargeMinutes = (n: Units): Minutes => (n * UNIT_MINUTES) as Minutes;

/** The derived jam code: the characters of the chip ID at the even positions, counted from 1 (spec 1). */
export function derivedJamCode(chip: ChipId): JamCode {
  return [...chip].filter((_, i) => i % 2 === 1).join("") as JamCode;
}

/** The name a charger advertises: `BUC_` and the chip ID, 16 characters. */
export const bluetoothName = (chip: ChipId): string => `BUC_${chip}`;

/** The chip ID in an advertised name, or undefined when the name is no charger's. */
export function chipIdOfName(name: string): ChipId | undefined {
  const chip = name.startsWith("BUC_") ? name.slice(4) : undefined;
  return isChipId(chip) ? chip : undefined;
}
