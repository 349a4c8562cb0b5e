import {
  firstProblem,
  isObject,
  oneOf,
  openid,
  optional,
  type Problem,
  required,
  type Shape,
  text,
} from "./fields.ts";

const CHINESE = /\p{Script=Han}/u;
const limit = (
  most: number,
  allowed: RegExp,
  says: string,
): { most: number; allowed: RegExp; says: string } => ({
  most,
  allowed,
  says,
});

/** What the value of a template field may be, by the field's kind (its name without the number). */
const KINDS: Record<string, { most: number; allowed: RegExp; says: string }> = {
  thing: limit(20, /^[^\r\n]+$/u, "text"),
  number: limit(32, /^-?\d+(\.\d+)?$/, "a number"),
  letter: limit(32, /^[A-Za-z]+$/, "letters"),
  symbol: limit(5, /^[^\p{L}\p{N}\s]+$/u, "symbols"),
  character_string: limit(32, /^[\x20-\x7e]+$/, "digits, letters and symbols, no Chinese"),
  time: limit(
    40,
    /^(\d{4}年\d{1,2}月\d{1,2}日 ?)?\d{1,2}:\d{2}(:\d{2})?$/,
    "a time such as 2026年11月22日 15:01",
  ),
  date: limit(40, /^\d{4}年\d{1,2}月\d{1,2}日( ?\d{1,2}:\d{2}(:\d{2})?)?$/, "a date such as 2026年11月22日"),
  amount: limit(13, /^[¥$]?\d{1,10}(\.\d{1,2})?元?$/, "an amount such as ¥1.50 or 1.50元"),
  phone_number: limit(17, /^[\d+-]+$/, "digits and - +"),
  car_number: limit(8, /^[A-Z0-9\p{Script=Han}]+$/u, "a number plate"),
  name: limit(10, /^[\p{Script=Han}A-Za-z· ]+$/u, "a name"),
  phrase: limit(5, /^\p{Script=Han}+$/u, "Chinese characters"),
};
const NAME_OF_LETTERS_MAX = 20;

const outer: Shape = {
  touser: required(openid),
  template_id: required(text(1, 64, { pattern: /^[0-9A-Za-z_-]+$/, says: "made of 0-9 A-Z a-z _ -" })),
  page: optional(text(0, 1024)),
  miniprogram_state: optional(oneOf("developer", "trial", "formal")),
  lang: optional(oneOf("zh_CN", "en_US", "zh_HK", "zh_TW")),
  data: required(() => undefined),
};

export interface SubscribeMessage {
  touser: string;
  template_id: string;
  page?: string;
  params: Record<string, string>;
}

/** Errcodes: 40003 touser, 40037 template, 41030 page, 47003 data. */
export function readSubscribeMessage(
  body: unknown,
): { message: SubscribeMessage } | { errcode: 40003 | 40037 | 41030 | 47003; problem: Problem } {
  const problem = firstProblem(body, outer);
  if (problem !== undefined) {
    const codes: Record<string, 40003 | 40037 | 41030> = { touser: 40003, template_id: 40037, page: 41030 };
    return { errcode: codes[problem.field] ?? 47003, problem };
  }
  const { touser, template_id, page, data } = body as {
    touser: string;
    template_id: string;
    page?: string;
    data: unknown;
  };
  if (page !== undefined && /^\/|:\/\//.test(page)) {
    return { errcode: 41030, problem: { field: "page", issue: "must be a page's path without a leading /" } };
  }
  const params: Record<string, string> = {};
  if (!isObject(data) || Object.keys(data).length === 0) {
    return {
      errcode: 47003,
      problem: { field: "data", issue: "must be an object with the template's fields" },
    };
  }
  for (const [name, holder] of Object.entries(data)) {
    const value = isObject(holder) ? holder.value : undefined;
    const issue = typeof value === "string" ? dataIssue(name, value) : 'must be {"value": text}';
    if (typeof value !== "string" || issue !== undefined) {
      return { errcode: 47003, problem: { field: `data.${name}.value`, issue: issue ?? "must be a text" } };
    }
    params[name] = value;
  }
  return { message: { touser, template_id, ...(page !== undefined && { page }), params } };
}

function dataIssue(name: string, value: string): string | undefined {
  const kind = KINDS[name.replace(/\d+$/, "")];
  if (kind === undefined || !/\d$/.test(name))
    return `is no template field; kinds are ${Object.keys(KINDS).join(", ")}`;
  const most = kind === KINDS.name && !CHINESE.test(value) ? NAME_OF_LETTERS_MAX : kind.most;
  const length = [...value].length;
  return length >= 1 && length <= most && kind.allowed.test(value)
    ? undefined
    : `must be ${kind.says}, 1 to ${most} characters`;
}
