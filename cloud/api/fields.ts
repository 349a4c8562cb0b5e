/**
 * Types of the wire. A parameter arrives as the text that was sent; these check it and give the branded value. The
 * message of each says what is allowed and is an answer's text. In `meta` stands what the OpenAPI document says.
 */
import { type Instant, instant } from "@bluepower/protocol/clock";
import { instantOf, type WallTime, wallTime, wireTime } from "@bluepower/protocol/siteTime";
import {
  deviceCode,
  type Fen,
  fen,
  MAX_UNITS,
  orderId,
  phone,
  portNo,
  units,
} from "@bluepower/protocol/units";
import { z } from "zod";
import { isPlainText } from "../plainText.ts";

/** A text of one form; a missing one is said to be missing. */
function text(form: RegExp, allowed: string) {
  const error = (issue: { input?: unknown }): string =>
    issue.input === undefined ? `missing, ${allowed}` : allowed;
  return z.string({ error }).regex(form, { error: allowed });
}

/** Plain digits, `low` to `high`; nothing else is a whole number on this wire. */
export function Whole_(low: number, high: number) {
  const allowed = `a whole number from ${low} to ${high}`;
  return text(/^(0|[1-9][0-9]{0,14})$/, allowed)
    .refine((digits) => Number(digits) >= low && Number(digits) <= high, { error: allowed })
    .meta({ type: "integer", minimum: low, maximum: high, pattern: undefined })
    .transform(Number);
}

export const DeviceCode_ = text(/^[0-9A-Za-z]{8}$/, "8 letters or digits").transform(deviceCode);
export const Phone_ = text(/^1[0-9]{10}$/, "11 digits beginning with 1").transform(phone);
export const OrderId_ = text(/^9[0-9]{13}$/, "9 and 13 digits").transform(orderId);
export const PortNo_ = Whole_(1, 4).transform(portNo);
/** Units of thirty minutes. */
export const Unit_ = Whole_(1, MAX_UNITS).transform(units);
/** Yuan with at most two decimals; the value is whole fen. */
export const Yuan_ = text(
  /^(0|[1-9][0-9]{0,2})(\.[0-9]{1,2})?$/,
  "yuan from 0 to 999.99 with at most two decimals",
)
  .meta({
    type: "number",
    minimum: 0,
    maximum: 999.99,
    pattern: undefined,
  })
  .transform(toFen);
/** A name a person gives: 1–32 characters after trimming, that can be seen. */
export const Name_ = z
  .string({ error: (issue) => (issue.input === undefined ? `missing, ${NAME}` : NAME) })
  .trim()
  .refine((text) => isPlainText(text, 32), { error: "1 to 32 characters" })
  .meta({ minLength: 1, maxLength: 32 });
const NAME = "1 to 32 characters";
const BANK_CODE = "8 to 30 digits";

/** Visible ASCII, such as WeChat's codes and base64. */
export const Token_ = (max: number) =>
  text(new RegExp(`^[\\x21-\\x7e]{1,${max}}$`), `1 to ${max} visible ASCII characters`);

/** STA fields joined: each port of the charger once, in order, with 000 free, 001–998 minutes, 999 damaged. */
export const PortState_ = text(
  /^1[0-9]{3}2[0-9]{3}3[0-9]{3}4[0-9]{3}$/,
  "16 digits: 1–4 with three digits each",
);

function toFen(yuan: string): Fen {
  const [whole = "0", part = ""] = yuan.split(".");
  return fen(Number(whole) * 100 + Number(part.padEnd(2, "0")));
}

const DATE = "yyyyMMddHHmmss, yyyyMMdd or YYYY-MM-DD[ HH:MM:SS], a date that exists";
const dateForm =
  /^(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d))?$|^(\d{4})-(\d\d)-(\d\d)(?: (\d\d):(\d\d):(\d\d))?$/;

function dateText(ofDay: { hour: number; minute: number; second: number }) {
  const read = (sent: string): WallTime | undefined => {
    const match = dateForm.exec(sent);
    if (match === null) return undefined;
    const [year = "", month = "", day = "", hour, minute, second] = match.slice(
      match[1] === undefined ? 7 : 1,
    );
    const time =
      hour === undefined ? ofDay : { hour: Number(hour), minute: Number(minute), second: Number(second) };
    const wall = { year: Number(year), month: Number(month), day: Number(day), ...time };
    return instantOf(wall, "UTC") === undefined ? undefined : wall;
  };
  return text(dateForm, DATE).transform((sent, context): WallTime => {
    const wall = read(sent);
    if (wall !== undefined) return wall;
    context.issues.push({ code: "custom", message: DATE, input: sent });
    return z.NEVER;
  });
}

/** First moment of a span, a wall time in the site's zone; a date alone is its midnight. */
export const StartDate_ = dateText({ hour: 0, minute: 0, second: 0 });
/** Last moment of a span, included; a date alone means to 23:59:59. */
export const EndDate_ = dateText({ hour: 23, minute: 59, second: 59 });

/** Of a purchase of coins. */
export const PayId_ = text(/^P[0-9]{10}$/, "P and 10 digits");
/** A bank account's number; people write it in groups. */
export const BankCode_ = z
  .string({ error: (issue) => (issue.input === undefined ? `missing, ${BANK_CODE}` : BANK_CODE) })
  .transform((sent) => sent.replaceAll(" ", ""))
  .pipe(z.string().regex(/^[0-9]{8,30}$/, { error: BANK_CODE }));

/** How WeChat Pay is reached: from the mini-program, or from a browser. */
export const Channel_ = z.enum(["jsapi", "h5"], { error: "jsapi or h5" });

/** A page's first row; the first of all is 0. */
export const StartIndex_ = Whole_(0, 999_999_999);
/** Rows of a page; more than `PAGE_MAX` is cut to it (spec 2, "Pages"). */
export const PageSize_ = Whole_(1, 999_999_999).transform((size) => Math.min(size, PAGE_MAX));
const PAGE_MAX = 100;
/** What a list without a page answers at most; then `reason` is TRUNCATED. */
export const LIST_MAX = 10_000;

/**
 * Parameters of a list that is asked for by page, whole, or, where `shape` has an `orderId`, for one order: both page
 * parameters or none, and none beside the order.
 */
export function paged<S extends z.ZodRawShape>(shape: S) {
  const page = { startIndex: StartIndex_.optional(), pageSize: PageSize_.optional() };
  return z.object({ ...shape, ...page }).superRefine((input, context) => {
    const { startIndex, pageSize, orderId } = input as Record<string, unknown>;
    const wrong = (name: string, message: string): void =>
      context.addIssue({ code: "custom", path: [name], message });
    if (startIndex === undefined && pageSize !== undefined)
      wrong("startIndex", "missing, goes with pageSize");
    if (startIndex !== undefined && pageSize === undefined)
      wrong("pageSize", "missing, goes with startIndex");
    if (orderId !== undefined && startIndex !== undefined)
      wrong("orderId", "without startIndex and pageSize");
  });
}

/** The rows that `paged` asks for. */
export const rowsOf = (page: { startIndex?: number | undefined; pageSize?: number | undefined }) => ({
  startIndex: page.startIndex ?? 0,
  pageSize: page.pageSize ?? LIST_MAX,
});

/** Several values of one form in one text, separated by commas: each once, at most `LIST_PARAMETER_MAX`. */
export function CommaList_<T>(form: z.ZodType<T, string>, allowed: string) {
  const says = `1 to ${LIST_PARAMETER_MAX} of ${allowed}, separated by commas, each once`;
  return z
    .string({ error: (issue) => (issue.input === undefined ? `missing, ${says}` : says) })
    .transform((text, context): T[] => {
      const parts = text.split(",", LIST_PARAMETER_MAX + 1).map((part) => form.safeParse(part));
      const values = parts.flatMap((part) => (part.success ? [part.data] : []));
      const good = values.length === parts.length && values.length <= LIST_PARAMETER_MAX;
      if (good && new Set(values).size === values.length) return values;
      context.addIssue({ code: "custom", message: says });
      return z.NEVER;
    });
}
const LIST_PARAMETER_MAX = 100;

export const DeviceCodeList_ = CommaList_(DeviceCode_, "8 letters or digits");
export const PhoneList_ = CommaList_(Phone_, "11 digits beginning with 1");
export const Bit_ = z
  .enum(["0", "1"], { error: "0 or 1" })
  .meta({ type: "integer", enum: [0, 1] })
  .transform((digit): 0 | 1 => (digit === "1" ? 1 : 0));

// ---- answers

/** Most answers are a list, of one object where the document has one. */
export const list = <T extends z.ZodType>(of: T) => z.array(of);

/** Takes whole fen, answers yuan. */
export const yuan = z
  .int()
  .transform((of) => of / 100)
  .pipe(z.number());

/** 0 or 1. */
export const Flag = z.int().min(0).max(1);

/** A page of a list: the rows asked for, and how many match in all. */
export const pageOf = <T extends z.ZodType>(row: T) =>
  z.object({ totalCount: z.int(), abstractList: z.array(row) });

/** `result` 0 is done; 1, with the sentence, comes from `refuse` with a reason of code 0. */
export const ResultInfo = z.object({ result: Flag, reason: z.string() }).meta({ id: "ResultInfo" });
/** Answer of a call with ResultInfo that was carried out. */
export const done: z.input<typeof ResultInfo>[] = [{ result: 0, reason: "" }];

/** A time on the wire: `YYYY-MM-DD HH:MM:SS` in the zone; empty for none. */
export const wireTimeIn = (zone: string, at: number | null): string =>
  at === null ? "" : wireTime(wallTime(instant(at), zone));

/** `YYYYMMDDHHMMSS`, as getSystemTime answers. */
export const compactTimeIn = (zone: string, at: Instant): string =>
  wireTime(wallTime(at, zone)).replace(/[^0-9]/g, "");
