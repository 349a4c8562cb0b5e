import { z } from "zod";
import { requestCashOut } from "../../cashout/request.ts";
import { numberIsTheirs } from "../../identity/numbers.ts";
import { endpoint } from "../endpoint.ts";
import { BankCode_, done, list, Name_, Phone_, ResultInfo } from "../fields.ts";
import { managing } from "../managing.ts";

export default endpoint({
  name: "CashOut",
  side: "manager",
  summary: "Ask for all that can be withdrawn to be paid to a bank account.",
  description: `
    Takes exactly the orders that getOrderCash counts under one cashOutId. The operator pays by bank
    transfer and says how it went: see getCashOutList; when it fails the orders can be withdrawn again. The
    account number is stored encrypted and shown masked. Refused while another WeChat account has bound the
    phone number, until the operator has confirmed the person.`,
  auth: "session",
  movesMoney: true,
  input: z.object({ manager: Phone_, bankName: Name_, bankUser: Name_, bankCode: BankCode_ }),
  output: list(ResultInfo),
  refusals: ["PHONE_UNCONFIRMED", "NOTHING_TO_WITHDRAW"],
  async change({ tx, cloud, caller, input, refuse }) {
    if (!(await numberIsTheirs(tx, caller))) return refuse("PHONE_UNCONFIRMED");
    const { bankName, bankUser, bankCode } = input;
    const request = {
      ...{ manager: caller.phone, account: { bankName, bankUser, bankCode } },
      ...{ ppm: cloud.config.cashoutPpm, cards: cloud.cards },
    };
    const requested = await requestCashOut(tx, request, managing(cloud, caller).by);
    return requested.kind === "requested" ? done : refuse("NOTHING_TO_WITHDRAW");
  },
});
