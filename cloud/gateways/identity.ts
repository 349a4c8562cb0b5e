import { createHash, timingSafeEqual } from "node:crypto";
import { BASE62, type Random, text } from "@bluepower/protocol/random";
import { decodeJson, object, string } from "@bluepower/protocol/uplink/shape";
import type { Db, Tx } from "../database/database.ts";
import { audit, type By } from "../identity/audit.ts";
import { waitingStream } from "./hello.ts";

/** 43 of 62 characters are 256 bits. */
const TOKEN_LENGTH = 43;

const hash = (token: string): string => createHash("sha256").update(token).digest("hex");
/** Compared when the id is unknown, so that the answer takes the same time. */
const NOBODY = hash("");

/** True when the token is that of this gateway, and the gateway is not revoked. */
export async function authenticateGateway(db: Db, gatewayId: string, token: string): Promise<boolean> {
  const row = await db
    .selectFrom("gateway")
    .select(["tokenHash", "revoked"])
    .where("id", "=", gatewayId)
    .executeTakeFirst();
  const known = Buffer.from(row?.tokenHash ?? NOBODY, "hex");
  const given = Buffer.from(hash(token), "hex");
  return timingSafeEqual(known, given) && row?.revoked === 0 && token !== "";
}

/** Registers a gateway. The token is given out this once; only its hash is stored. */
export async function addGateway(
  tx: Tx,
  { gatewayId, site, random }: { gatewayId: string; site: string; random: Random },
  by: By,
): Promise<{ kind: "added"; token: string } | { kind: "exists" } | { kind: "site_unknown" }> {
  const place = await tx.selectFrom("site").select("id").where("name", "=", site).executeTakeFirst();
  if (place === undefined) return { kind: "site_unknown" };
  const known = await tx.selectFrom("gateway").select("id").where("id", "=", gatewayId).executeTakeFirst();
  if (known !== undefined) return { kind: "exists" };
  const token = text(random, TOKEN_LENGTH, BASE62);
  await tx
    .insertInto("gateway")
    .values({ id: gatewayId, siteId: place.id, tokenHash: hash(token), setupTime: by.at, seenTime: null })
    .execute();
  await audit(tx, by, { what: "gateway.add", object: gatewayId, detail: `site ${site}` });
  return { kind: "added", token };
}

/**
 * Gives a gateway a new token in place of the former one, also a revoked gateway. The serving program sees the counted-up
 * version within two seconds and closes the connection that the former token opened.
 */
export async function renewToken(
  tx: Tx,
  { gatewayId, random }: { gatewayId: string; random: Random },
  by: By,
): Promise<{ kind: "renewed"; token: string } | { kind: "unknown" }> {
  const token = text(random, TOKEN_LENGTH, BASE62);
  const changed = await tx
    .updateTable("gateway")
    .set((row) => ({
      tokenHash: hash(token),
      revoked: 0,
      desiredVersion: row("desiredVersion", "+", 1),
    }))
    .where("id", "=", gatewayId)
    .executeTakeFirst();
  if (changed.numUpdatedRows === 0n) return { kind: "unknown" };
  await audit(tx, by, { what: "gateway.token", object: gatewayId });
  return { kind: "renewed", token };
}

/** Shuts a gateway out; its live connection is closed within two seconds. */
export async function revokeGateway(
  tx: Tx,
  gatewayId: string,
  by: By,
): Promise<{ kind: "revoked" | "already" | "unknown" }> {
  const row = await tx.selectFrom("gateway").select("revoked").where("id", "=", gatewayId).executeTakeFirst();
  if (row === undefined) return { kind: "unknown" };
  if (row.revoked === 1) return { kind: "already" };
  await tx
    .updateTable("gateway")
    .set((g) => ({ revoked: 1, desiredVersion: g("desiredVersion", "+", 1) }))
    .where("id", "=", gatewayId)
    .execute();
  await audit(tx, by, { what: "gateway.revoke", object: gatewayId });
  return { kind: "revoked" };
}

const waiting = object({ stream: string(64) });

/** Accepts the stream that was refused last: its events count from 1, those of the former stream no more (spec 4). */
export async function acceptStream(
  tx: Tx,
  gatewayId: string,
  by: By,
): Promise<{ kind: "accepted"; stream: string } | { kind: "nothing_waits" | "unknown" }> {
  const row = await tx.selectFrom("gateway").select("id").where("id", "=", gatewayId).executeTakeFirst();
  if (row === undefined) return { kind: "unknown" };
  const name = waitingStream(gatewayId);
  const setting = await tx.selectFrom("setting").select("value").where("name", "=", name).executeTakeFirst();
  const read = setting === undefined ? undefined : decodeJson(waiting, setting.value);
  if (read === undefined || !("value" in read)) return { kind: "nothing_waits" };
  const { stream } = read.value;
  const former = await tx
    .selectFrom("gateway_cursor")
    .select(["streamId", "lastSeq"])
    .where("gatewayId", "=", gatewayId)
    .executeTakeFirst();
  await tx.deleteFrom("gateway_cursor").where("gatewayId", "=", gatewayId).execute();
  await tx
    .insertInto("gateway_cursor")
    .values({ gatewayId, streamId: stream, lastSeq: 0, updateTime: by.at })
    .execute();
  await tx.deleteFrom("setting").where("name", "=", name).execute();
  const detail = `${stream} in place of ${former?.streamId ?? "none"} at ${former?.lastSeq ?? 0}`;
  await audit(tx, by, { what: "gateway.accept_stream", object: gatewayId, detail });
  return { kind: "accepted", stream };
}

export interface GatewayRow {
  id: string;
  site: string;
  revoked: boolean;
  /** Epoch ms; null before its first word. */
  seenTime: number | null;
  devices: number;
  /** Events it has sent that are applied. */
  applied: number;
  /** A new stream waits for `accept-stream`. */
  streamWaits: boolean;
}

export async function listGateways(db: Db): Promise<GatewayRow[]> {
  const rows = await db
    .selectFrom("gateway")
    .innerJoin("site", "site.id", "gateway.siteId")
    .leftJoin("gateway_cursor", "gateway_cursor.gatewayId", "gateway.id")
    .select((e) => [
      "gateway.id as id",
      "site.name as site",
      "gateway.revoked as revoked",
      "gateway.seenTime as seenTime",
      "gateway_cursor.lastSeq as lastSeq",
      e
        .selectFrom("device_info")
        .whereRef("device_info.gatewayId", "=", "gateway.id")
        .select(({ fn }) => fn.countAll<number>().as("n"))
        .as("devices"),
    ])
    .orderBy("gateway.id")
    .execute();
  const settings = await db.selectFrom("setting").select("name").execute();
  const names = new Set(settings.map((s) => s.name));
  return rows.map((r) => ({
    id: r.id,
    site: r.site,
    revoked: r.revoked === 1,
    seenTime: r.seenTime,
    devices: Number(r.devices ?? 0),
    applied: r.lastSeq ?? 0,
    streamWaits: names.has(waitingStream(r.id)),
  }));
}
