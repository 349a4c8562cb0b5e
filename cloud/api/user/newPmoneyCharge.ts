import { z } from "zod";
import { openPurchase } from "../../payments/coinPurchase.ts";
import { clientIp } from "../clientIp.ts";
import { endpoint } from "../endpoint.ts";
import { Channel_, list, Phone_, Whole_ } from "../fields.ts";

export default endpoint({
  name: "newPmoneyCharge",
  side: "user",
  summary: "Buy coins with WeChat Pay.",
  description: `
    Answers the purchase and what wx.requestPayment takes (jsapi) or the page to open (h5). The coins are
    there when WeChat has confirmed the payment; an attempt lives 15 minutes.`,
  auth: "session",
  movesMoney: true,
  input: z.object({
    user: Phone_,
    pmoney: Whole_(1, 999).meta({ description: "Coins to buy" }),
    channel: Channel_.optional(),
  }),
  output: list(z.object({ payId: z.string(), package: z.string() })),
  refusals: ["NO_OPENID", "WECHAT_UNAVAILABLE"],
  async run({ cloud, caller, input, address, refuse, once }) {
    const { pmoney, channel = "jsapi" } = input;
    const { value: opened } = await once(async (tx) => {
      const purchase = { user: caller.phone, pmoney, channel, openId: caller.openId };
      const made = await openPurchase(tx, purchase, { at: cloud.clock.now(), random: cloud.random });
      return made.kind === "no_openid" ? refuse("NO_OPENID") : made;
    });
    const ready = await cloud.payments.prepare({ ...opened.attempt, clientIp: clientIp(address) });
    if (ready.kind !== "ready") return refuse("WECHAT_UNAVAILABLE");
    return [{ payId: opened.payId, package: ready.package }];
  },
});
