import { z } from "zod";
import { giftsOf } from "../../coins/lists.ts";
import { endpoint } from "../endpoint.ts";
import { Flag, PageSize_, Phone_, pageOf, StartIndex_, wireTimeIn } from "../fields.ts";

export default endpoint({
  name: "getPmoneyGift",
  side: "user",
  summary: "List the coins that the caller has given and got, newest first.",
  description: "Gifts in both directions; fromTo says which way.",
  auth: "session",
  input: z.object({ user: Phone_, startIndex: StartIndex_, pageSize: PageSize_ }),
  output: pageOf(
    z.object({
      giftId: z.string(),
      pmoney: z.int().meta({ description: "Coins given" }),
      fromTo: Flag.meta({ description: "0 given, 1 got" }),
      user: z.string().meta({ description: "The other one's phone number" }),
      name: z.string().meta({ description: "The other one's name" }),
      giftTime: z.string(),
    }),
  ),
  refusals: [],
  async read({ cloud, caller, input }) {
    const { totalCount, rows } = await giftsOf(cloud.db, caller.phone, input);
    return {
      totalCount,
      abstractList: rows.map(({ other, giftTime, ...gift }) => ({
        ...gift,
        user: other,
        giftTime: wireTimeIn(cloud.config.zone, giftTime),
      })),
    };
  },
});
