import { chargerProfile } from "@bluepower/protocol/charger/profiles";
import { type Clock, type Millis, millis, seconds, type Timer } from "@bluepower/protocol/clock";
import {
  gatewayId as asGatewayId,
  isChipId,
  isDeviceCode,
  isJamCode,
  isPhone,
} from "@bluepower/protocol/units";
import {
  type Barred,
  BLACK_LIST_MAX,
  type Desired,
  type DesiredCharger,
  type DesiredOrder,
} from "@bluepower/protocol/uplink/messages";
import { down } from "@bluepower/protocol/uplink/topics";
import { UPLINK_VERSION } from "@bluepower/protocol/uplink/version";
import { sql } from "kysely";
import type { Logger } from "pino";
import type { Db, Tx } from "../database/database.ts";

/** Changes that come together make one document. */
const COALESCE: Millis = millis(50);
/** How soon a change that another process made (the command line) reaches a gateway. */
const POLL_EVERY: Millis = seconds(1);

export type DesiredOrders = (db: Db, gatewayId: string) => Promise<readonly DesiredOrder[]>;

/** Counts up the version, in the transaction of a change that a gateway has to know. */
export async function touchDesired(tx: Tx, gatewayId: string): Promise<void> {
  await tx
    .updateTable("gateway")
    .set((row) => ({ desiredVersion: row("desiredVersion", "+", 1) }))
    .where("id", "=", gatewayId)
    .execute();
}

/** Why a charger is not in the document. */
export interface LeftOut {
  deviceCode: string;
  problem: string;
}

/**
 * The whole of what a gateway has to know; undefined for an unknown or revoked gateway. The version is read first: what
 * changes in between is in the document already and comes again under its own version.
 */
export async function desiredState(
  db: Db,
  { gatewayId, sentAt, orders }: { gatewayId: string; sentAt: number; orders: DesiredOrders },
): Promise<{ document: Desired; leftOut: LeftOut[] } | undefined> {
  const gateway = await db
    .selectFrom("gateway")
    .innerJoin("site", "site.id", "gateway.siteId")
    .select(["gateway.desiredVersion as version", "site.zone as zone", "site.foreignPorts as foreignPorts"])
    .where("gateway.id", "=", gatewayId)
    .where("gateway.revoked", "=", 0)
    .executeTakeFirst();
  if (gateway === undefined) return undefined;
  const devices = await db
    .selectFrom("device_info")
    .select([
      "deviceCode",
      "btName",
      "jamCode",
      "version",
      "unitPrice",
      "chargeFlag",
      "maxUnit",
      "state",
      "manager",
    ])
    .where("gatewayId", "=", gatewayId)
    .orderBy("deviceCode")
    .execute();
  const leftOut: LeftOut[] = [];
  const chargers: DesiredCharger[] = [];
  for (const d of devices) {
    const { deviceCode, btName: chipId, jamCode } = d;
    if (chargerProfile(d.version) === undefined) {
      leftOut.push({ deviceCode, problem: `profile ${d.version} is unknown` });
    } else if (!isDeviceCode(deviceCode) || !isChipId(chipId) || !isJamCode(jamCode)) {
      leftOut.push({ deviceCode, problem: "its device code, chip ID or jam code is malformed" });
    } else {
      chargers.push({
        deviceCode,
        chipId,
        jamCode,
        profile: d.version,
        unitPrice: d.chargeFlag === 1 ? d.unitPrice : 0,
        maxUnit: d.maxUnit,
        enabled: d.state === 0 && d.manager !== null,
        manager: isPhone(d.manager) ? d.manager : null,
      });
    }
  }
  const document: Desired = {
    v: UPLINK_VERSION,
    sentAt,
    version: gateway.version,
    timeZone: gateway.zone,
    foreignPorts: gateway.foreignPorts,
    chargers,
    orders: [...(await orders(db, gatewayId))],
    blackList: await blackListOf(db, gatewayId),
  };
  return { document, leftOut };
}

/** Who is barred by the managers of the gateway's chargers; of more than the message holds the newest. */
async function blackListOf(db: Db, gatewayId: string): Promise<Barred[]> {
  const rows = await db
    .selectFrom("black_user_info")
    .select(["manager", "user"])
    .where("manager", "in", (e) =>
      e.selectFrom("device_info").select(sql<string>`manager`.as("m")).where("gatewayId", "=", gatewayId),
    )
    .orderBy("id", "desc")
    .limit(BLACK_LIST_MAX)
    .execute();
  return rows.flatMap(({ manager, user }) => (isPhone(manager) && isPhone(user) ? [{ manager, user }] : []));
}

/** Sends gateways their desired state: when they ask, and when it has changed. */
export class DesiredPublisher {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #orders: DesiredOrders;
  readonly #publish: (topic: string, payload: string) => void;
  readonly #isAccepted: (gatewayId: string) => boolean;
  readonly #shutOut: (gatewayId: string) => void;
  readonly #planned = new Map<string, Timer>();
  /** Version and token that were last seen of each gateway. */
  readonly #known = new Map<string, { version: number; tokenHash: string; revoked: number }>();
  readonly #reported = new Map<string, string>();
  #sum = -1;
  #poll: Timer | undefined;
  #stopped = false;

  constructor(parts: {
    db: Db;
    clock: Clock;
    log: Logger;
    orders: DesiredOrders;
    publish: (topic: string, payload: string) => void;
    /** Connected, and its stream is the one that counts: others get no jam codes. */
    isAccepted: (gatewayId: string) => boolean;
    /** A gateway was revoked or got another token: its live connection ends. */
    shutOut: (gatewayId: string) => void;
  }) {
    this.#db = parts.db;
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#orders = parts.orders;
    this.#publish = parts.publish;
    this.#isAccepted = parts.isAccepted;
    this.#shutOut = parts.shutOut;
  }

  async start(): Promise<void> {
    await this.poll();
    this.#plan();
  }

  stop(): void {
    this.#stopped = true;
    this.#poll?.cancel();
    for (const timer of this.#planned.values()) timer.cancel();
    this.#planned.clear();
  }

  /** Publishes soon; calls in between are one. Nothing happens for a gateway that is not connected: it asks when it is. */
  publishSoon(gatewayId: string): void {
    if (this.#stopped || this.#planned.has(gatewayId) || !this.#isAccepted(gatewayId)) return;
    const timer = this.#clock.after(COALESCE, "desired state", async () => {
      this.#planned.delete(gatewayId);
      try {
        await this.#send(gatewayId);
      } catch (error) {
        this.#log.error({ err: error, gateway: gatewayId }, "the desired state was not published");
      }
    });
    this.#planned.set(gatewayId, timer);
  }

  /** Looks for versions that have changed; the sum of all tells cheaply that none has. */
  async poll(): Promise<void> {
    const { sum } = await this.#db
      .selectFrom("gateway")
      .select((e) => e.fn.sum<number | null>("desiredVersion").as("sum"))
      .executeTakeFirstOrThrow();
    const now = Number(sum ?? 0);
    if (now === this.#sum) return;
    const rows = await this.#db
      .selectFrom("gateway")
      .select(["id", "desiredVersion as version", "tokenHash", "revoked"])
      .execute();
    this.#sum = rows.reduce((total, row) => total + row.version, 0);
    for (const { id, ...row } of rows) {
      const before = this.#known.get(id);
      this.#known.set(id, row);
      if (before === undefined || before.version === row.version) continue;
      if (before.tokenHash !== row.tokenHash || row.revoked === 1) this.#shutOut(id);
      else this.publishSoon(id);
    }
  }

  async #send(gatewayId: string): Promise<void> {
    const sentAt = this.#clock.now();
    const state = await desiredState(this.#db, { gatewayId, sentAt, orders: this.#orders });
    if (state === undefined || this.#stopped) return;
    this.#publish(down.desired(asGatewayId(gatewayId)), JSON.stringify(state.document));
    this.#report(gatewayId, state.leftOut);
  }

  /** Once for the same chargers. */
  #report(gatewayId: string, leftOut: readonly LeftOut[]): void {
    const text = JSON.stringify(leftOut);
    if ((this.#reported.get(gatewayId) ?? "[]") === text) return;
    this.#reported.set(gatewayId, text);
    for (const { deviceCode, problem } of leftOut) {
      this.#log.warn({ gateway: gatewayId, deviceCode }, `charger ${deviceCode} is not driven: ${problem}`);
    }
  }

  #plan(): void {
    this.#poll = this.#clock.after(POLL_EVERY, "desired versions", async () => {
      try {
        await this.poll();
      } catch (error) {
        this.#log.error({ err: error }, "desired versions were not read");
      }
      if (!this.#stopped) this.#plan();
    });
  }
}
