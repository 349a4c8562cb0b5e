import { z } from "zod";
import { endpoint } from "../endpoint.ts";
import { compactTimeIn, list } from "../fields.ts";

export default endpoint({
  name: "getSystemTime",
  side: "user",
  summary: "The time as YYYYMMDDHHMMSS in the site's zone, for a phone that sets a charger's clock.",
  description: "The same zone as every time on this interface.",
  auth: "open",
  input: z.object({}),
  output: list(z.object({ time: z.string() })),
  refusals: [],
  async read({ cloud }) {
    return [{ time: compactTimeIn(cloud.config.zone, cloud.clock.now()) }];
  },
});
