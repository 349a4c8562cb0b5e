import { z } from "zod";
import { type AnyEndpoint, endpoint } from "./endpoint.ts";
import { DeviceCode_, done, list, ResultInfo, Unit_, Yuan_, yuan } from "./fields.ts";

/** What the endpoints below have done, and what `runSteps` waits for. */
export interface Seen {
  ran: string[];
  gate: Promise<void>;
}

/** For tests: endpoints that show what the serving loop does; the real methods have tests of their own. */
export function loopTable(seen: Seen): AnyEndpoint[] {
  return [
    endpoint({
      name: "getEcho",
      side: "user",
      summary: "",
      description: "For tests.",
      auth: "session",
      input: z.object({
        unit: Unit_.optional(),
        money: Yuan_.optional(),
        deviceCode: DeviceCode_.optional(),
      }),
      output: list(z.object({ phone: z.string(), money: yuan })),
      refusals: [],
      async read({ caller, input }) {
        seen.ran.push("getEcho");
        return [{ phone: caller.phone, money: input.money ?? 0, secret: "internal" }];
      },
    }),
    endpoint({
      name: "openTime",
      side: "user",
      summary: "",
      description: "For tests.",
      auth: "open",
      input: z.object({}),
      output: list(z.object({ phone: z.string() })),
      refusals: [],
      async read({ caller }) {
        return [{ phone: caller?.phone ?? "nobody" }];
      },
    }),
    endpoint({
      name: "putSetting",
      side: "user",
      summary: "",
      description: "For tests.",
      auth: "session",
      movesMoney: true,
      input: z.object({ name: z.string(), outcome: z.string().optional() }),
      output: list(ResultInfo),
      refusals: ["NOT_YOURS", "ORDER_RUNNING"],
      async change({ tx, input, refuse }) {
        seen.ran.push("putSetting");
        await tx.insertInto("setting").values({ name: input.name, value: "" }).execute();
        if (input.outcome === "refuse") refuse("NOT_YOURS");
        if (input.outcome === "result 1") refuse("ORDER_RUNNING");
        if (input.outcome === "crash") throw new Error("disk full, secret detail");
        if (input.outcome === "wrong answer") return [{ result: 7, reason: "" }];
        return done;
      },
    }),
    endpoint({
      name: "runSteps",
      side: "user",
      summary: "",
      description: "For tests.",
      auth: "session",
      input: z.object({ name: z.string() }),
      output: list(z.object({ name: z.string(), repeat: z.boolean() })),
      refusals: [],
      async run({ once, input }) {
        seen.ran.push("runSteps");
        const { repeat, value } = await once(async (tx) => {
          await tx.insertInto("setting").values({ name: input.name, value: "" }).execute();
          return input.name;
        });
        await seen.gate;
        return [{ name: value, repeat }];
      },
    }),
    endpoint({
      name: "getShop",
      side: "manager",
      summary: "",
      description: "For tests.",
      auth: "session",
      input: z.object({ user: z.string().optional() }),
      output: list(z.object({ phone: z.string() })),
      refusals: [],
      async read({ caller }) {
        return [{ phone: caller.phone }];
      },
    }),
  ];
}
