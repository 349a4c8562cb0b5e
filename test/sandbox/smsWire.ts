import type { Clock } from "@bluepower/protocol/clock";
import { type Random, text } from "@bluepower/protocol/random";
import type { HttpBindings } from "@hono/node-server";
import { Hono } from "hono";
import type { Credentials } from "./credentials.ts";
import type { Faults } from "./faults.ts";
import { isObject, parseJson } from "./fields.ts";
import type { Messages } from "./messages.ts";
import { acsVerifier } from "./sms.ts";
import type { Stall } from "./stall.ts";

/** One call may name this many phones. */
const PHONES_MAX = 1000;

/** Aliyun's SendSms (`dysmsapi`, version 2017-05-25) on the path `/`. Refusals of the business are HTTP 200. */
export function smsWire(of: {
  credentials: Credentials;
  messages: Messages;
  faults: Faults;
  stall: Stall;
  clock: Clock;
  random: Random;
}): Hono<{ Bindings: HttpBindings }> {
  const verifier = acsVerifier({ ...of.credentials.sms, clock: of.clock });
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.post("/", async (c) => {
    const body = await c.req.text();
    const RequestId = text(of.random, 32, "0123456789ABCDEF");
    const fault = of.faults.take("sms");
    const failed = (Code: string, Message: string): Record<string, string> => ({ RequestId, Code, Message });
    if (fault === "500") return c.json(failed("InternalError", "The request processing has failed."), 500);
    if (fault === "429")
      return c.json(failed("Throttling.User", "Request was denied due to user flow control."), 429);
    const [path = "/", ...query] = (c.env.incoming.url ?? "/").split("?");
    const headers = Object.fromEntries(c.req.raw.headers);
    const refusal = verifier.refusal({ method: "POST", path, query: query.join("?"), headers, body });
    if (refusal !== undefined) return c.json(failed(refusal.code, refusal.message), refusal.status);
    if (headers["x-acs-action"] !== "SendSms" || headers["x-acs-version"] !== "2017-05-25") {
      return c.json(
        failed("InvalidAction.NotFound", "x-acs-action must be SendSms, x-acs-version 2017-05-25"),
        404,
      );
    }
    const form =
      headers["content-type"]?.startsWith("application/x-www-form-urlencoded") === true ? body : "";
    const parameters = new Map([...new URLSearchParams(query.join("?")), ...new URLSearchParams(form)]);
    const read = readSms(parameters, of.credentials);
    if ("code" in read) return c.json(failed(read.code, read.message));
    for (const to of read.phones)
      of.messages.add({ kind: "sms", to, params: read.params, template: read.template });
    if (fault === "timeout-after-commit") {
      await of.stall.until(c.req.raw.signal);
      return c.body(null, 504);
    }
    const BizId = `${text(of.random, 18, "0123456789")}^0`;
    return c.json({ ...failed("OK", "OK"), BizId });
  });
  return app;
}

type Sms =
  | { phones: string[]; params: Record<string, string>; template: string }
  | { code: string; message: string };

function readSms(parameters: ReadonlyMap<string, string>, credentials: Credentials): Sms {
  const { signName, templateCode } = credentials.sms;
  const no = (code: string, message: string): Sms => ({ code, message });
  const phones = (parameters.get("PhoneNumbers") ?? "").split(",");
  if (phones.length > PHONES_MAX || !phones.every((phone) => /^(\+?86)?1\d{10}$/.test(phone))) {
    return no(
      "isv.MOBILE_NUMBER_ILLEGAL",
      `PhoneNumbers must be 1 to ${PHONES_MAX} numbers of 11 digits, comma-separated`,
    );
  }
  if (parameters.get("SignName") !== signName) {
    return no("isv.SMS_SIGNATURE_ILLEGAL", `SignName must be ${signName}`);
  }
  if (parameters.get("TemplateCode") !== templateCode) {
    return no("isv.SMS_TEMPLATE_ILLEGAL", `TemplateCode must be ${templateCode}`);
  }
  const params = parseJson(parameters.get("TemplateParam") ?? "");
  if (!isObject(params) || !Object.values(params).every((value) => typeof value === "string")) {
    return no("isv.INVALID_JSON_PARAM", "TemplateParam must be a JSON object of texts");
  }
  const code = params.code;
  if (typeof code !== "string") return no("isv.TEMPLATE_MISSING_PARAMETERS", "TemplateParam lacks code");
  if (!/^[0-9A-Za-z]{4,6}$/.test(code))
    return no("isv.PARAM_LENGTH_LIMIT", "TemplateParam code must be 4 to 6 of 0-9 A-Z a-z");
  return {
    phones: phones.map((phone) => phone.slice(-11)),
    params: params as Record<string, string>,
    template: templateCode,
  };
}
