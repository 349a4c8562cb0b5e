import type { MethodFixture } from "../fixture.ts";

export default {
  side: "user",
  auth: "open",
  async given({ db }) {
    await db.deleteFrom("profession_info").where("professionId", ">", 2).execute();
  },
  own: {},
  success: {
    data: [
      { professionId: 1, professionName: "木工" },
      { professionId: 2, professionName: "钢筋工" },
    ],
    change: {},
  },
  parameters: {},
  objects: "it names nothing",
} satisfies MethodFixture;
