import { type Context, Hono } from "hono";
import type { Payments } from "../payments/payments.ts";
import { BODY_MAX, readBody } from "./body.ts";

/** Where WeChat Pay tells of payments and refunds, below PUBLIC_URL. */
export const PAY_NOTIFY_PATH = "/wechat/notify/pay";
export const REFUND_NOTIFY_PATH = "/wechat/notify/refund";

/**
 * Notifications of WeChat Pay: the raw body is verified, so nothing may parse it before. 204 once it is stored and settled;
 * 4xx with WeChat's own form of a failure when it is not believed.
 */
export function wechatNotify(payments: Payments): Hono {
  const app = new Hono();
  const failure = (c: Context, status: 400 | 413, message: string): Response =>
    c.json({ code: "FAIL", message }, status);
  const take = (about: "transaction" | "refund") => async (c: Context) => {
    const body = await readBody(c.req.raw, BODY_MAX);
    if (body === undefined) return failure(c, 413, `the body has at most ${BODY_MAX} bytes`);
    const taken = await payments.notified(about, c.req.raw.headers, Buffer.from(body).toString("utf8"));
    return taken.kind === "taken" ? c.body(null, 204) : failure(c, 400, taken.detail);
  };
  app.post(PAY_NOTIFY_PATH, take("transaction"));
  app.post(REFUND_NOTIFY_PATH, take("refund"));
  return app;
}
