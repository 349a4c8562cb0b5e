import { z } from "zod";
import { giveCoins } from "../../coins/gift.ts";
import { numberIsTheirs } from "../../identity/numbers.ts";
import { endpoint } from "../endpoint.ts";
import { done, list, Phone_, ResultInfo, Whole_ } from "../fields.ts";

export default endpoint({
  name: "newPmoneyGift",
  side: "user",
  summary: "Give coins to another user.",
  description: `
    Moves spendable coins at once, never below zero and never to oneself. Both must be known users.`,
  auth: "session",
  movesMoney: true,
  input: z.object({
    userFrom: Phone_,
    userTo: Phone_,
    pmoney: Whole_(1, 99_999).meta({ description: "Coins to give" }),
  }),
  output: list(ResultInfo),
  refusals: ["COINS_SHORT", "PHONE_UNCONFIRMED", "USER_UNKNOWN"],
  async change({ tx, cloud, caller, input, refuse }) {
    const { userTo, pmoney } = input;
    if (userTo === caller.phone) refuse("PARAMETER", "userTo: another user than userFrom");
    if (!(await numberIsTheirs(tx, caller))) refuse("PHONE_UNCONFIRMED");
    const given = await giveCoins(tx, { from: caller.phone, to: userTo, pmoney }, cloud.clock.now());
    switch (given.kind) {
      case "given":
        return done;
      case "user_unknown":
        return refuse("USER_UNKNOWN");
      case "coins_short":
        return refuse("COINS_SHORT");
    }
  },
});
