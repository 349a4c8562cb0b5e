import { z } from "zod";
import { setUserProfession } from "../../people/professions.ts";
import { endpoint } from "../endpoint.ts";
import { done, list, Phone_, ResultInfo, Whole_ } from "../fields.ts";

export default endpoint({
  name: "reportUserProfession",
  side: "user",
  summary: "Sets the user's trade.",
  description: "The ids are those of getProfessionList; one that is not in it is refused.",
  auth: "session",
  input: z.object({ user: Phone_, professionId: Whole_(1, 9999) }),
  output: list(ResultInfo),
  refusals: [],
  async change({ tx, caller, input, refuse }) {
    const { professionId } = input;
    switch (await setUserProfession(tx, { user: caller.phone, professionId })) {
      case "set":
        return done;
      case "profession_unknown":
        return refuse("PARAMETER", "professionId: one of getProfessionList");
      case "user_unknown":
        return refuse("SESSION");
    }
  },
});
