import { sql } from "kysely";
import { FOUND_MAX, type Found, type Invariant, invariant, type Said, said } from "./invariant.ts";

const deviceManager = invariant(
  "device_manager",
  "who manages a charger is a known manager",
  () => sql<Said>`
    select d."deviceCode" as subject, 'is managed by ' || d.manager as detail
    from device_info d left join manager_info m on m.manager = d.manager
    where d.manager is not null and m.id is null`,
  said,
);

const commandOfOrder = invariant(
  "command_of_order",
  "a command goes to a gateway that exists, about an order that exists",
  () => sql<Said>`
    select c.id as subject, 'to ' || c."gatewayId" || ' about ' || coalesce(c."orderId", 'no order') as detail
    from command c left join gateway g on g.id = c."gatewayId"
      left join order_info o on o."orderId" = c."orderId"
    where g.id is null or (c."orderId" is not null and o.id is null)`,
  said,
);

const commandAnswered = invariant(
  "command_answered",
  "a command has an outcome exactly when it was answered",
  () => sql<Said>`
    select id as subject, state || ', outcome ' || coalesce(outcome, 'none') as detail from command
    where (state = 'answered') <> (outcome is not null)`,
  said,
);

const cursorCovers = invariant(
  "cursor_covers",
  "what is kept of a gateway's events is not ahead of its cursor",
  () => sql<Said>`
    select g.id as subject, 'event ' || d.seq || ' was put aside, the cursor is at ' || c."lastSeq" as detail
      from dead_event d inner join gateway g on g.id = d."gatewayId"
      inner join gateway_cursor c on c."gatewayId" = g.id and c."streamId" = d."streamId"
      where d.seq > c."lastSeq"
    union all
    select "gatewayId", 'has a cursor and does not exist' from gateway_cursor
      where "gatewayId" not in (select id from gateway)`,
  said,
);

/** Calls that are read at once; they are kept for 15 minutes. */
const BATCH = 1000;

const answeredCall: Invariant = {
  name: "answered_call",
  says: "the answer that is kept of a call to make an order names an order that exists",
  async check(db) {
    const found: Found[] = [];
    let after = "";
    for (;;) {
      const calls = await db
        .selectFrom("answered_call")
        .select(["signature", "answer"])
        .where("method", "=", "newPowerOrder")
        .where("signature", ">", after)
        .orderBy("signature")
        .limit(BATCH)
        .execute();
      for (const { signature, answer } of calls) {
        after = signature;
        const { orderId = "" } = JSON.parse(answer) as { orderId?: string };
        const order = db.selectFrom("order_info").select("id").where("orderId", "=", orderId);
        if ((await order.executeTakeFirst()) === undefined) {
          found.push({ subject: signature, detail: `names the order "${orderId}"` });
        }
      }
      if (calls.length < BATCH || found.length >= FOUND_MAX) return found.slice(0, FOUND_MAX);
    }
  },
};

/** Of chargers, and of what passes between the cloud, its gateways and its callers. */
export const gatewayInvariants = [deviceManager, commandOfOrder, commandAnswered, cursorCovers, answeredCall];
