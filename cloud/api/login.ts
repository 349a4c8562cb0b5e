import { z } from "zod";
import type { Cloud } from "../cloud.ts";
import { transaction } from "../database/open.ts";
import type { Side } from "../database/schema.ts";
import { openSession } from "../identity/sessions.ts";
import type { Refuse } from "./endpoint.ts";
import { Token_ } from "./fields.ts";

/** `jsCode` is what wx.login gave. */
export const LoginInput = z.object({ jsCode: Token_(128) });
export const SessionInfo = z.object({ session: z.string() });

/** Logs in at WeChat and opens a session of the side. A WeChat account that is bound to a phone number stays bound. */
export async function logIn(
  side: Side,
  call: {
    cloud: Cloud;
    input: z.output<typeof LoginInput>;
    refuse: Refuse<"LOGIN_REFUSED" | "WECHAT_UNAVAILABLE">;
  },
): Promise<z.input<typeof SessionInfo>[]> {
  const { cloud, refuse } = call;
  const login = await cloud.wechat.login(side, call.input.jsCode);
  if (login.kind !== "ok") {
    cloud.log.warn({ side, kind: login.kind, detail: login.detail }, "a login at WeChat did not succeed");
    return refuse(login.kind === "refused" ? "LOGIN_REFUSED" : "WECHAT_UNAVAILABLE");
  }
  const { openId, sessionKey } = login;
  const { session } = await transaction(cloud.db, (tx) =>
    openSession(tx, { side, openId, sessionKey, random: cloud.random, now: cloud.clock.now() }),
  );
  return [{ session }];
}
