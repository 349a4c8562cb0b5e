import { z } from "zod";
import type { AnyEndpoint } from "./endpoint.ts";
import { type Reason, reasons } from "./reasons.ts";
import type { Refusal } from "./refusal.ts";

/** Every answer of a method, HTTP 200 (spec 2). `data` is `[]` where `code` is not 0. */
export interface Answer {
  code: number;
  message: string;
  reason?: Reason;
  /** UNIX seconds; beside code 1, so that a client corrects itself. */
  serverTime?: number;
  data: unknown;
}

export const success = (data: unknown, remark?: Reason): Answer => ({
  code: 0,
  message: remark === undefined ? "成功" : reasons[remark].sentence,
  ...(remark !== undefined && { reason: remark }),
  data,
});

/** A reason of code 0 is answered as the method's ResultInfo with `result` 1. */
export function refused(endpoint: AnyEndpoint, refusal: Refusal): Answer {
  const { code, sentence } = reasons[refusal.reason];
  const message = refusal.detail === undefined ? sentence : `${sentence}：${refusal.detail}`;
  const data = code === 0 ? failedResult(endpoint, sentence) : [];
  return { code, message, reason: refusal.reason, data };
}

/** The members of ResultInfo as this method's table spells them (`reason` and `cause`, `result` and `Result`). */
function failedResult(endpoint: AnyEndpoint, sentence: string): unknown {
  const item = endpoint.output instanceof z.ZodArray ? endpoint.output.element : undefined;
  if (!(item instanceof z.ZodObject) || !Object.keys(item.shape).some(isResult)) {
    throw new Error(`${endpoint.name} refuses with a reason of code 0 and does not answer ResultInfo`);
  }
  return [Object.fromEntries(Object.keys(item.shape).map((name) => [name, isResult(name) ? 1 : sentence]))];
}

const isResult = (name: string): boolean => name.toLowerCase() === "result";
