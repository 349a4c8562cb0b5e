import { parameter } from "../case.ts";
import { answered, type MethodFixture } from "../fixture.ts";
import { caller, whole } from "../parameters.ts";
import { ME } from "../world.ts";

const UNKNOWN = parameter("professionId: one of getProfessionList");

export default {
  side: "user",
  auth: "session",
  own: { user: ME, professionId: 2 },
  success: {
    data: [{ result: 0, reason: "" }],
    change: {
      user_info: { changed: [{ of: 1, from: { professionId: null }, to: { professionId: 2 } }] },
      answered_call: { added: [answered("user", "reportUserProfession", '[{"result":0,"reason":""}]')] },
    },
  },
  parameters: {
    user: caller("user"),
    professionId: { ...whole("professionId", 1, 9999), accepted: ["2"] },
  },
  objects: [{ name: "a trade that does not exist", by: "me", own: { professionId: 999 }, expected: UNKNOWN }],
} satisfies MethodFixture;
