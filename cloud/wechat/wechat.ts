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
