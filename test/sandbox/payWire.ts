import type { HttpBindings } from "@hono/node-server";
import { Hono } from "hono";
import type { Identity } from "./credentials.ts";
import type { Faults } from "./faults.ts";
import { type Answer, type Call, failure, type PayCalls } from "./payCalls.ts";
import { type PaySignature, type Signer, spoiled } from "./paySignature.ts";
import type { PlatformCertificates } from "./platformCertificates.ts";
import type { Stall } from "./stall.ts";

/** WeChat Pay v3 over HTTP: who may call, and the signature of every answer. */
export function payWire(of: {
  identity: Identity;
  certificates: PlatformCertificates;
  signature: PaySignature;
  calls: PayCalls;
  faults: Faults;
  stall: Stall;
}): Hono<{ Bindings: HttpBindings }> {
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.all("/v3/*", async (c) => {
    const body = await c.req.text();
    const fault = of.faults.take("pay");
    const serial = c.req.header("Wechatpay-Serial");
    const signer: Signer = serial?.startsWith("PUB_KEY_ID_") ? "public-key" : "certificate";
    const answer = (): Answer =>
      headerProblem(c.req.raw.headers, c.req.method) ??
      serialProblem(of, serial) ??
      signed(c.env.incoming.url ?? "/", c.req.header("Authorization")) ??
      of.calls.answer(call());
    const signed = (target: string, authorization: string | undefined): Answer | undefined => {
      const problem = of.signature.problem({ method: c.req.method, target, authorization, body });
      return problem === undefined ? undefined : failure(401, "SIGN_ERROR", `签名错误: ${problem}`);
    };
    const call = (): Call => {
      const [path = "", ...query] = (c.env.incoming.url ?? "/").split("?");
      return { method: c.req.method, path, query: new URLSearchParams(query.join("?")), body, signer };
    };
    const given =
      fault === "500"
        ? failure(500, "SYSTEM_ERROR", "系统异常")
        : fault === "429"
          ? failure(429, "FREQUENCY_LIMITED", "频率限制")
          : answer();
    if (fault === "timeout-after-commit") {
      await of.stall.until(c.req.raw.signal);
      return c.body(null, 504);
    }
    if (given.file !== undefined) {
      return c.body(new Uint8Array(given.file), 200, { "Content-Type": "text/plain" });
    }
    const text = given.body === undefined ? "" : JSON.stringify(given.body);
    const headers = of.signature.headers(signer, text);
    const sent = fault === "bad-signature" ? spoiled(headers) : headers;
    if (given.status === 204) return c.body(null, 204, sent);
    return c.body(text, given.status, { ...sent, "Content-Type": "application/json; charset=utf-8" });
  });
  return app;
}

/** WeChat Pay wants to know who calls and what is understood. */
function headerProblem(headers: Headers, method: string): Answer | undefined {
  const accept = headers.get("Accept") ?? "";
  if (!accept.includes("application/json") && !accept.includes("*/*")) {
    return failure(400, "PARAM_ERROR", "Http头Accept必须包含application/json");
  }
  if ((headers.get("User-Agent") ?? "") === "") return failure(400, "PARAM_ERROR", "Http头缺少User-Agent");
  if (method === "POST" && !(headers.get("Content-Type") ?? "").startsWith("application/json")) {
    return failure(400, "PARAM_ERROR", "Http头Content-Type必须为application/json");
  }
  return undefined;
}

function serialProblem(
  of: { identity: Identity; certificates: PlatformCertificates },
  serial: string | undefined,
): Answer | undefined {
  const { wechatPayPublicKeyId } = of.identity.credentials.merchant;
  const known = [wechatPayPublicKeyId, ...of.certificates.all().map((c) => c.serial)];
  if (serial === undefined || known.includes(serial)) return undefined;
  return failure(
    400,
    "PARAM_ERROR",
    `Wechatpay-Serial ${serial} names neither our public key nor our certificate`,
  );
}
