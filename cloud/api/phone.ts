import type { Phone } from "@bluepower/protocol/units";
import { z } from "zod";
import type { Cloud } from "../cloud.ts";
import { transaction } from "../database/open.ts";
import type { Side } from "../database/schema.ts";
import { bindPhone, findSession } from "../identity/sessions.ts";
import type { LoggedIn, Refuse } from "./endpoint.ts";
import { Token_ } from "./fields.ts";

/** The new way is `code`, the old one `encryptData` and `iv`; exactly one of them. */
export const PhoneInput = z
  .object({
    encryptData: Token_(4096).optional(),
    iv: Token_(32).optional(),
    code: Token_(128).optional(),
  })
  .refine((i) => (i.code === undefined ? i.encryptData && i.iv : !i.encryptData && !i.iv), {
    error: "either code, or encryptData and iv",
    path: ["encryptData"],
  });
export const PhoneInfo = z.object({ phone: z.string() });

interface PhoneCall {
  cloud: Cloud;
  input: z.output<typeof PhoneInput>;
  caller: LoggedIn;
  refuse: Refuse<"PHONE_REFUSED" | "WECHAT_UNAVAILABLE">;
}

/** Asks WeChat for the phone number, binds it and answers it. The session then belongs to that number. */
export async function bindGivenPhone(side: Side, call: PhoneCall): Promise<z.input<typeof PhoneInfo>[]> {
  const { cloud, caller, refuse } = call;
  const { openId } = caller;
  if (openId === null) return refuse("SESSION");
  const phone = await askWeChat(side, call);
  const now = cloud.clock.now();
  const bound = await transaction(cloud.db, (tx) => bindPhone(tx, { side, openId, phone, now }));
  if (bound.moved) {
    cloud.log.warn(
      { event: "phone.rebound", side, sessions: bound.sessions },
      "a phone number was bound to another openid",
    );
  }
  return [{ phone }];
}

async function askWeChat(side: Side, { cloud, input, caller, refuse }: PhoneCall): Promise<Phone> {
  if (input.code !== undefined) {
    const answer = await cloud.wechat.phoneByCode(side, input.code);
    if (answer.kind === "ok") return answer.phone;
    cloud.log.warn(
      { side, kind: answer.kind, detail: answer.detail },
      "a phone number was not given by WeChat",
    );
    return refuse(answer.kind === "refused" ? "PHONE_REFUSED" : "WECHAT_UNAVAILABLE");
  }
  const row = await findSession(cloud.db, { side, session: caller.session, now: cloud.clock.now() });
  const { encryptData = "", iv = "" } = input;
  const answer = cloud.wechat.phoneByData(side, row?.sessionKey ?? "", encryptData, iv);
  return answer.kind === "ok" ? answer.phone : refuse("PHONE_REFUSED");
}
