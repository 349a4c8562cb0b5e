import { z } from "zod";
import { setUserName } from "../../people/users.ts";
import { endpoint } from "../endpoint.ts";
import { list, Name_, Phone_, ResultInfo } from "../fields.ts";

export default endpoint({
  name: "reportUserName",
  side: "user",
  summary: "Sets the user's name, which a charge asks for.",
  description: `
    The document's table says cause where the others say reason: both are answered, with equal values.`,
  auth: "session",
  input: z.object({ user: Phone_, userName: Name_ }),
  // The table says `cause` where the others say `reason`; both stand, with equal values.
  output: list(ResultInfo.extend({ cause: z.string() })),
  refusals: [],
  async change({ tx, caller, input, refuse }) {
    if (!(await setUserName(tx, caller.phone, input.userName))) refuse("SESSION");
    return [{ result: 0, reason: "", cause: "" }];
  },
});
