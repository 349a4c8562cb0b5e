import type { Phone } from "@bluepower/protocol/units";
import type { Side } from "../database/schema.ts";

/** WeChat's server interface for mini-programs: login and phone numbers. Every call has a deadline. */
export interface WeChat {
  /** jscode2session. `refused`: the code is bad, used or old; `unavailable`: WeChat is busy or not reached. */
  login(
    side: Side,
    jsCode: string,
  ): Promise<
    | { kind: "ok"; openId: string; sessionKey: string }
    | { kind: "refused"; detail: string }
    | { kind: "unavailable"; detail: string }
  >;
  /** The new way: a `code` of the phone button. */
  phoneByCode(
    side: Side,
    code: string,
  ): Promise<
    | { kind: "ok"; phone: Phone }
    | { kind: "refused"; detail: string }
    | { kind: "unavailable"; detail: string }
  >;
  /** The old way: AES-128-CBC with the session key; checks watermark.appid and its age. One refusal for all that can be wrong. */
  phoneByData(
    side: Side,
    sessionKey: string,
    encryptData: string,
    iv: string,
  ): { kind: "ok"; phone: Phone } | { kind: "refused" };
}

/** What the cloud asks of WeChat for itself. Every call has a deadline. */
export interface WeChatBusiness {
  /** Whether app id and secret are good: a token is to be had. Null: no app is configured for this side. */
  proveCredentials(side: Side): Promise<{ kind: "ok" } | { kind: "unavailable"; detail: string } | null>;
  /** Whether payments of the mini-program stay frozen until WeChat is told that they are delivered. */
  tradeManaged(
    side: Side,
  ): Promise<{ kind: "ok"; managed: boolean } | { kind: "unavailable"; detail: string }>;
  /** Tells that what a payment bought is delivered. `refused`: WeChat says no, with its errcode. */
  uploadShipping(
    side: Side,
    payment: { transactionId: string; openId: string; item: string; time: string },
  ): Promise<{ kind: "ok" } | { kind: "refused"; errcode: number } | { kind: "unavailable"; detail: string }>;
}
