import { PAY_NOTIFY_PATH, REFUND_NOTIFY_PATH } from "./api/wechatNotify.ts";
import type { Config } from "./config.ts";
import type { WeChatPayAccount } from "./payments/payCall.ts";

/** The merchant for the user side's mini-program, as it is configured; null where one of them is not. */
export function payAccount(config: Pick<Config, "pay" | "wechat" | "publicUrl">): WeChatPayAccount | null {
  const { merchant, apiUrl } = config.pay;
  const app = config.wechat.apps.user;
  if (merchant === null || app === null) return null;
  const { wechatPayPublicKeyId: publicKeyId, wechatPayPublicKeyPem } = merchant;
  return {
    baseUrl: apiUrl,
    appId: app.appid,
    mchId: merchant.mchid,
    serial: merchant.serial,
    privateKeyPem: merchant.privateKeyPem,
    apiV3Key: merchant.apiV3Key,
    publicKeyId,
    keys: new Map([...Object.entries(merchant.otherKeys ?? {}), [publicKeyId, wechatPayPublicKeyPem]]),
    payNotifyUrl: config.publicUrl + PAY_NOTIFY_PATH,
    refundNotifyUrl: config.publicUrl + REFUND_NOTIFY_PATH,
  };
}
