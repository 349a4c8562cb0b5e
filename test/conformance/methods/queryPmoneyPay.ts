import type { MethodFixture } from "../fixture.ts";
import { NOT_YOURS, payIdThatNamesTheCaller } from "../parameters.ts";
import { givePurchase, ME } from "../world.ts";

export default {
  side: "user",
  auth: "session",
  given: ({ db }) => givePurchase(db, { payId: "P0001313700", user: ME }),
  own: { payId: "P0001313700" },
  success: {
    data: [{ result: 0, reason: "" }],
    change: {},
  },
  parameters: {
    payId: payIdThatNamesTheCaller,
  },
  objects: [
    { name: "another's purchase", by: "another", own: {}, expected: NOT_YOURS },
    {
      name: "a purchase that does not exist",
      by: "me",
      own: { payId: "P0001313701" },
      expected: NOT_YOURS,
    },
  ],
} satisfies MethodFixture;
