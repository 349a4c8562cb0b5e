import { z } from "zod";
import { listProfessions } from "../../people/professions.ts";
import { endpoint } from "../endpoint.ts";
import { list } from "../fields.ts";

export default endpoint({
  name: "getProfessionList",
  side: "user",
  summary: "List the trades that a user can have.",
  description: "The operator keeps the list.",
  auth: "open",
  input: z.object({}),
  output: list(z.object({ professionId: z.int(), professionName: z.string() })),
  refusals: [],
  read: ({ cloud }) => listProfessions(cloud.db),
});
