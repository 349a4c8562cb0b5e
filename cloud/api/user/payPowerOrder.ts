import { z } from "zod";
import { openAttempt } from "../../payments/attempts.ts";
import { clientIp } from "../clientIp.ts";
import { endpoint } from "../endpoint.ts";
import { Channel_, list, OrderId_, Phone_, Whole_, Yuan_ } from "../fields.ts";

export default endpoint({
  name: "payPowerOrder",
  side: "user",
  summary: "Pay a bill with coins, with WeChat Pay, or with both.",
  description: `
    pmoney coins at their value and cash together must be money exactly. Coins are held while the payment at
    WeChat is open and given back when it fails. With coins alone the bill is paid at once and package is
    empty; otherwise it is what wx.requestPayment takes (jsapi) or the page to open (h5). An attempt lives
    15 minutes; a new one closes the one before. Paid is what WeChat says, by notification or when asked:
    see queryOrderPay. While another WeChat account has bound the phone number, neither its coins nor the
    bills from before can be used or paid until the operator has confirmed the person.`,
  auth: "session",
  movesMoney: true,
  input: z.object({
    user: Phone_,
    orderId: OrderId_,
    money: Yuan_.meta({ description: "The whole bill in yuan, as getOrderPay answers" }),
    pmoney: Whole_(0, 99_999).meta({ description: "Coins to pay with" }),
    cash: Yuan_.meta({ description: "Yuan to be paid through WeChat" }),
    channel: Channel_.optional(),
  }),
  output: list(z.object({ package: z.string() })),
  refusals: [
    "NOT_YOURS",
    "ORDER_NOT_STARTED",
    "ORDER_PAID",
    "AMOUNT_MISMATCH",
    "COINS_SHORT",
    "PHONE_UNCONFIRMED",
    "NO_OPENID",
    "WECHAT_UNAVAILABLE",
  ],
  async run({ cloud, caller, input, address, refuse, once }) {
    const { clock, random, payments, log } = cloud;
    const { orderId, channel = "jsapi" } = input;
    let anotherIsOpen = false;
    const open = async () => {
      anotherIsOpen = false;
      const request = { ...input, channel, user: caller.phone, openId: caller.openId };
      const { repeat, value } = await once(async (tx) => {
        const opened = await openAttempt(tx, request, { at: clock.now(), random });
        switch (opened.kind) {
          case "opened":
          case "paid":
            return opened.attempt;
          case "attempt_open":
            anotherIsOpen = true;
            return refuse("WECHAT_UNAVAILABLE");
          case "not_yours":
            return refuse("NOT_YOURS");
          case "unconfirmed":
            return refuse("PHONE_UNCONFIRMED");
          case "not_payable":
            return refuse("ORDER_NOT_STARTED");
          case "already_paid":
            return refuse("ORDER_PAID");
          case "amount_mismatch":
            return refuse("AMOUNT_MISMATCH");
          case "coins_short":
            return refuse("COINS_SHORT");
          case "no_openid":
            return refuse("NO_OPENID");
        }
      });
      if (value.channel === "coins" && !repeat) {
        log.info({ event: "order.paid", orderId }, `order ${orderId} is paid: ${input.pmoney} coins`);
      }
      return value;
    };
    const attempt = await open().catch(async (error: unknown) => {
      if (!anotherIsOpen) throw error;
      // One payment at a time: the earlier one is closed first, and pays the bill when it has been made after all. Unless WeChat
      // has confirmed that, it is still open then.
      const closed = await payments.closeOpen(orderId);
      return closed === "paid" ? refuse("ORDER_PAID") : await open();
    });
    const ready = await payments.prepare({ ...attempt, clientIp: clientIp(address) });
    if (ready.kind === "ready") return [{ package: ready.package }];
    // A repeat of a call whose payment has been made meanwhile.
    if (ready.kind === "ended" && (await payments.result("order", orderId)) === "paid")
      return refuse("ORDER_PAID");
    return refuse("WECHAT_UNAVAILABLE");
  },
});
