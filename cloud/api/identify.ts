import type { Parameters } from "@bluepower/protocol/http/signature";
import type { Cloud } from "../cloud.ts";
import type { Side } from "../database/schema.ts";
import { newestOpenId } from "../identity/numbers.ts";
import { findSession } from "../identity/sessions.ts";
import type { AnyEndpoint, Caller, LoggedIn } from "./endpoint.ts";
import { refuse } from "./refusal.ts";

/** Parameters by which a side's calls name the caller. `userFrom` does where a method has it. */
export const CALLER_NAMES: Record<Side, readonly string[]> = {
  user: ["user", "userFrom"],
  manager: ["manager"],
};

/**
 * Finds out who calls: the session, the side and whoever is named must agree (spec 2, "Identity"). Refuses with
 * SESSION. Null for an open method that is called without a session.
 */
export async function identify(
  cloud: Cloud,
  endpoint: AnyEndpoint,
  parameters: Parameters,
): Promise<Caller | LoggedIn | null> {
  const session = given(parameters, "session");
  const named = CALLER_NAMES[endpoint.side]
    .map((name) => given(parameters, name))
    .filter((v) => v !== undefined);
  if (session === undefined) {
    if (cloud.config.authMode === "documented")
      return await documentedCaller(cloud, endpoint, parameters, named);
    if (endpoint.auth !== "open" || named.length > 0) refuse("SESSION");
    return null;
  }
  const row = await findSession(cloud.db, { side: endpoint.side, session, now: cloud.clock.now() });
  if (row === undefined || named.some((phone) => phone !== row.phone)) return refuse("SESSION");
  if (row.phone === null && endpoint.auth === "session") return refuse("SESSION");
  return { side: endpoint.side, phone: row.phone, openId: row.openId === "" ? null : row.openId, session };
}

const given = (parameters: Parameters, name: string): string | undefined => parameters.get(name) || undefined;

/** Requests exactly as printed: the caller is the person named, else the owner of the order or payment named. */
async function documentedCaller(
  cloud: Cloud,
  endpoint: AnyEndpoint,
  parameters: Parameters,
  named: readonly string[],
): Promise<Caller | null> {
  const { side } = endpoint;
  if (endpoint.auth === "login") return refuse("SESSION");
  if (named.some((phone) => phone !== named[0])) return refuse("SESSION");
  const phone = named[0] ?? (await ownerOf(cloud, parameters));
  if (phone === undefined)
    return endpoint.auth === "open" ? null : { side, phone: "", openId: null, session: null };
  if (!(await known(cloud, side, phone))) return endpoint.auth === "open" ? null : refuse("SESSION");
  if (endpoint.auth === "open") return null;
  return { side, phone, openId: await newestOpenId(cloud.db, side, phone), session: null };
}

async function ownerOf(cloud: Cloud, parameters: Parameters): Promise<string | undefined> {
  const orderId = given(parameters, "orderId");
  if (orderId !== undefined) {
    const order = cloud.db.selectFrom("order_info").select("user").where("orderId", "=", orderId);
    return (await order.executeTakeFirst())?.user ?? refuse("NOT_YOURS");
  }
  const payId = given(parameters, "payId");
  if (payId === undefined) return undefined;
  const payment = cloud.db.selectFrom("pmoney_charge_pay").select("user").where("payId", "=", payId);
  return (await payment.executeTakeFirst())?.user ?? refuse("NOT_YOURS");
}

async function known(cloud: Cloud, side: Side, phone: string): Promise<boolean> {
  const found =
    side === "user"
      ? cloud.db.selectFrom("user_info").select("id").where("user", "=", phone)
      : cloud.db.selectFrom("manager_info").select("id").where("manager", "=", phone);
  return (await found.executeTakeFirst()) !== undefined;
}
