import { type Hello, hello as helloShape, type Welcome } from "@bluepower/protocol/uplink/messages";
import { decode, object, type Shaped, string, whole } from "@bluepower/protocol/uplink/shape";
import { commonVersion, UPLINK_OLDEST, UPLINK_VERSION } from "@bluepower/protocol/uplink/version";
import type { Tx } from "../database/database.ts";

/** What every version of hello has, so that a version can be refused by name. */
const greeting = object({
  program: string(40),
  speaks: object({ min: whole, max: whole }),
  re: string(64),
});
type Greeting = Shaped<typeof greeting>;

export type ReadHello =
  | { kind: "hello"; version: number; hello: Hello }
  | { kind: "version_unsupported"; greeting: Greeting; message: string }
  | { kind: "malformed"; problem: string };

/** Reads a hello of whatever version. */
export function readHello(text: string): ReadHello {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    return { kind: "malformed", problem: "message: JSON" };
  }
  const greeted = decode(greeting, raw);
  if ("problem" in greeted) return { kind: "malformed", problem: greeted.problem };
  const { speaks, program } = greeted.value;
  const version = commonVersion(speaks);
  if (version === undefined) {
    const message =
      `program ${program} speaks uplink versions ${speaks.min} to ${speaks.max}, ` +
      `this cloud ${UPLINK_OLDEST} to ${UPLINK_VERSION}: update the ${speaks.max < UPLINK_OLDEST ? "gateway" : "cloud"}`;
    return { kind: "version_unsupported", greeting: greeted.value, message: message.slice(0, 300) };
  }
  const full = decode(helloShape, raw);
  return "problem" in full
    ? { kind: "malformed", problem: full.problem }
    : { kind: "hello", version, hello: full.value };
}

export type Greeted =
  | { kind: "ok"; acked: number; first: boolean; desiredVersion: number }
  | { kind: "stream_unknown"; message: string }
  /** Revoked, or never registered: not answered. */
  | { kind: "stranger" };

/**
 * Where the gateway's stream stands. The first stream of a gateway is taken; another one (its storage was wiped, or
 * somebody else has its token) waits until the operator accepts it, because its events would begin at 1 again.
 */
export async function greet(
  tx: Tx,
  { gatewayId, stream, program, at }: { gatewayId: string; stream: string; program: string; at: number },
): Promise<Greeted> {
  const gateway = await tx
    .selectFrom("gateway")
    .select(["desiredVersion", "revoked"])
    .where("id", "=", gatewayId)
    .executeTakeFirst();
  if (gateway === undefined || gateway.revoked === 1) return { kind: "stranger" };
  const { desiredVersion } = gateway;
  const cursor = await tx
    .selectFrom("gateway_cursor")
    .select(["streamId", "lastSeq"])
    .where("gatewayId", "=", gatewayId)
    .executeTakeFirst();
  if (cursor === undefined) {
    await tx
      .insertInto("gateway_cursor")
      .values({ gatewayId, streamId: stream, lastSeq: 0, updateTime: at })
      .execute();
    return { kind: "ok", acked: 0, first: true, desiredVersion };
  }
  if (cursor.streamId === stream) {
    return { kind: "ok", acked: cursor.lastSeq, first: false, desiredVersion };
  }
  const value = JSON.stringify({ stream, program, at });
  await tx
    .insertInto("setting")
    .values({ name: waitingStream(gatewayId), value })
    .onConflict((c) => c.column("name").doUpdateSet({ value }))
    .execute();
  return {
    kind: "stream_unknown",
    message: `the outbox of this gateway is another than before; the operator accepts it with: bluepower-cloud gateway accept-stream ${gatewayId}`,
  };
}

/** Name of the setting that holds the stream which was refused last: one per gateway, whatever it sends. */
export const waitingStream = (gatewayId: string): string => `gateway_stream_waiting/${gatewayId}`;

/** The answer to a hello. */
export function welcomeMessage(fields: Omit<Welcome, "v">, version = UPLINK_VERSION): string {
  return JSON.stringify({ v: version, ...fields } satisfies Welcome);
}
