import type { Clock } from "@bluepower/protocol/clock";
import type { CommandBody, CommandOutcome } from "@bluepower/protocol/uplink/messages";
import type { Db } from "../database/database.ts";
import type { Gateways } from "../gateways/gateways.ts";

type Outcome = CommandOutcome | { kind: "no_answer" };

export interface ScriptedGateways extends Gateways {
  /** What a gateway answers to a command; `no_answer` until a test says otherwise. */
  answer: (body: CommandBody, id: string) => Outcome | Promise<Outcome>;
  /** Every command that was sent, repeats included. */
  readonly sent: CommandBody[];
  readonly touched: string[];
  offline: Set<string>;
}

/** For tests: gateways that answer as the script says. Commands are real rows. */
export function scriptedGateways(of: { db: Db; clock: Clock }): ScriptedGateways {
  const { db, clock } = of;
  let count = 0;
  const made: ScriptedGateways = {
    answer: () => ({ kind: "no_answer" }),
    sent: [],
    touched: [],
    offline: new Set(),
    async insertCommand(tx, command) {
      count += 1;
      const id = `command-${count}`;
      await tx
        .insertInto("command")
        .values({
          id,
          gatewayId: command.gatewayId,
          orderId: command.orderId,
          body: JSON.stringify(command.body),
          deadline: command.deadline,
          state: "open",
          outcome: null,
          insertTime: clock.now(),
          answerTime: null,
        })
        .execute();
      return id;
    },
    async send(id) {
      const row = await db.selectFrom("command").selectAll().where("id", "=", id).executeTakeFirstOrThrow();
      if (row.outcome !== null) return JSON.parse(row.outcome) as Outcome;
      const body = JSON.parse(row.body) as CommandBody;
      made.sent.push(body);
      const outcome =
        row.deadline < clock.now() ? { kind: "no_answer" as const } : await made.answer(body, id);
      if (outcome.kind !== "no_answer") {
        await db
          .updateTable("command")
          .set({ state: "answered", outcome: JSON.stringify(outcome), answerTime: clock.now() })
          .where("id", "=", id)
          .execute();
      }
      return outcome;
    },
    async touchDesired(_tx, gatewayId) {
      made.touched.push(gatewayId);
    },
    publishDesired: () => {},
    online: (gatewayId) => !made.offline.has(gatewayId),
  };
  return made;
}
