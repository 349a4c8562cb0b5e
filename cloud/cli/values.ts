import {
  type ChipId,
  type DeviceCode,
  type Fen,
  fen,
  type GatewayId,
  isChipId,
  isDeviceCode,
  isGatewayId,
  isOrderId,
  isPhone,
  type OrderId,
  type Phone,
} from "@bluepower/protocol/units";
import { isCardNo } from "../cards/cards.ts";
import { isAccountName } from "../identity/operators.ts";
import { isPlainText } from "../plainText.ts";
import type { Parse } from "./command.ts";

const checked =
  <T>(check: (v: unknown) => v is T, form: string): Parse<T> =>
  (text) =>
    check(text) ? { value: text } : { problem: `is ${form}, not "${text}"` };

export const gatewayIdValue: Parse<GatewayId> = checked(isGatewayId, "1 to 40 of A-Za-z0-9_-");
export const deviceCodeValue: Parse<DeviceCode> = checked(isDeviceCode, "8 of 0-9A-Za-z");
export const orderIdValue: Parse<OrderId> = checked(isOrderId, "9 and 13 more digits");
export const chipValue: Parse<ChipId> = checked(isChipId, "12 of 0-9A-Z");
export const phoneValue: Parse<Phone> = checked(isPhone, "11 digits beginning with 1");

const shaped =
  (shape: (text: string) => boolean, form: string): Parse<string> =>
  (text) =>
    shape(text) ? { value: text } : { problem: `is ${form}, not "${text}"` };

export const cashOutIdValue = shaped((t) => /^C[0-9]{10}$/.test(t), "C and 10 digits");
export const accountNameValue = shaped(isAccountName, "1 to 32 of a-z0-9._- beginning with a letter");
export const cardNoValue = shaped(isCardNo, "4 to 20 digits");
export const payIdValue = shaped((t) => /^P[0-9]{10}$/.test(t), "P and 10 digits");
export const refundNoValue = shaped((t) => /^[0-9A-Za-z_|*-]{6,64}$/.test(t), "the number of a refund");

/** A text that stays one line in lists and logs and shows there what it is. */
export const textValue =
  (max: number): Parse<string> =>
  (text) =>
    isPlainText(text, max)
      ? { value: text }
      : { problem: `is a text of 1 to ${max} characters without control or hidden characters` };

export const fileValue: Parse<string> = (text) =>
  text === "" ? { problem: "is the path of a file" } : { value: text };

export const sheetFileValue: Parse<string> = (text) =>
  /.\.(csv|xlsx)$/.test(text)
    ? { value: text }
    : { problem: `is the path of a file that ends in .csv or .xlsx, not "${text}"` };

export const wholeValue =
  (low: number, high: number): Parse<number> =>
  (text) => {
    const n = Number(text);
    return /^[0-9]{1,9}$/.test(text) && n >= low && n <= high
      ? { value: n }
      : { problem: `is a whole number from ${low} to ${high}, not "${text}"` };
  };

export const switchValue: Parse<0 | 1> = (text) =>
  text === "0" || text === "1" ? { value: text === "1" ? 1 : 0 } : { problem: `is 0 or 1, not "${text}"` };

/** Yuan with at most two decimals, as fen: the price of thirty minutes (spec 2, "The manager's side"). */
export const priceValue: Parse<Fen> = (text) => {
  const parts = /^([0-9]{1,2})(?:\.([0-9]{1,2}))?$/.exec(text);
  const value = parts === null ? 0 : Number(parts[1]) * 100 + Number((parts[2] ?? "").padEnd(2, "0"));
  return value >= 1
    ? { value: fen(value) }
    : { problem: `is 0.01 to 99.99 yuan with at most two decimals, not "${text}"` };
};

/** Yuan with at most two decimals, as fen; no payment is above 999.99 (spec 2, "Conventions"). */
export const amountValue: Parse<Fen> = (text) => {
  const parts = /^([0-9]{1,3})(?:\.([0-9]{1,2}))?$/.exec(text);
  const value = parts === null ? 0 : Number(parts[1]) * 100 + Number((parts[2] ?? "").padEnd(2, "0"));
  return value >= 1
    ? { value: fen(value) }
    : { problem: `is 0.01 to 999.99 yuan with at most two decimals, not "${text}"` };
};

export const zoneValue: Parse<string> = (text) => {
  try {
    new Intl.DateTimeFormat("en", { timeZone: text });
    return { value: text };
  } catch {
    return { problem: `is an IANA time zone such as Asia/Shanghai, not "${text}"` };
  }
};

export const oneOfValue =
  <const T extends string>(...words: readonly T[]): Parse<T> =>
  (text) => {
    const word = words.find((w) => w === text);
    return word === undefined ? { problem: `is one of ${words.join(", ")}, not "${text}"` } : { value: word };
  };

/** A value, or the word `none` for null. */
export const orNone =
  <T>(parse: Parse<T>): Parse<T | null> =>
  (text) =>
    text === "none" ? { value: null } : parse(text);
