import { type Parameters, signatureOf } from "./signing.ts";
import { apps, NOW_S } from "./world.ts";

type Side = "user" | "manager";

export interface Ask {
  side: Side;
  method: string;
  verb: "POST" | "GET";
  contentType: string;
  body: string | Uint8Array<ArrayBuffer>;
}

/** The members of a signed call. What `signed` names is signed with the rest; `after` is put in place unsigned. */
export function members(
  side: Side,
  own: Parameters,
  change: { signed?: Parameters; after?: Parameters; form?: "bytes" | "hex"; jamCode?: string } = {},
): Parameters {
  const { appId, appKey, jamCode } = apps[side];
  const body = { appId, appKey, timestamp: NOW_S, ...own, ...change.signed };
  const signature = signatureOf(body, change.jamCode ?? jamCode, change.form);
  return { ...body, signature, ...change.after };
}

export function asJson(side: Side, method: string, body: Parameters): Ask {
  return { side, method, verb: "POST", contentType: "application/json", body: JSON.stringify(body) };
}

export function asForm(side: Side, method: string, body: Parameters): Ask {
  const pairs = Object.entries(body).filter(([, value]) => value !== null);
  const text = pairs.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join("&");
  return { side, method, verb: "POST", contentType: "application/x-www-form-urlencoded", body: text };
}

/** The whole way: path, body and headers as a client sends them. */
export function toRequest(ask: Ask): Request {
  const { side, method, verb, contentType, body } = ask;
  return new Request(`http://cloud.example/oapi/bluepower_${side}/1_0/${method}`, {
    method: verb,
    ...(verb === "POST" && { body, headers: { "content-type": contentType } }),
  });
}
