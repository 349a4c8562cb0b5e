import type { GatewayId } from "../units.ts";

/**
 * Topics between gateway and cloud. Levels are of `[A-Za-z0-9_-]` only, because some brokers translate others;
 * subscriptions are exact, so that access lists are too. Nothing is retained.
 */
export const SHARDS = 64;

/** A gateway belongs to one of 64 shards for ever (FNV-1a of its id), so that cloud nodes can share them out. */
export function shardOf(id: GatewayId): string {
  let h = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) h = Math.imul(h ^ id.charCodeAt(i), 0x01000193);
  return String((h >>> 0) % SHARDS).padStart(2, "0");
}

/** What a gateway may publish, besides the reply topic that a command names. */
export const up = {
  hello: (id: GatewayId) => `up/${shardOf(id)}/${id}/hello`,
  events: (id: GatewayId) => `up/${shardOf(id)}/${id}/ev`,
  want: (id: GatewayId) => `up/${shardOf(id)}/${id}/want`,
  gone: (id: GatewayId) => `up/${shardOf(id)}/${id}/gone`,
};

/** What a gateway subscribes to. */
export const down = {
  welcome: (id: GatewayId) => `gw/${id}/welcome`,
  ack: (id: GatewayId) => `gw/${id}/ack`,
  command: (id: GatewayId) => `gw/${id}/down/cmd`,
  desired: (id: GatewayId) => `gw/${id}/down/desired`,
};

/** Where one boot of one cloud node takes answers to its commands; `bootId` cannot be guessed. */
export const replies = (nodeId: string, bootId: string) => `cloud/${nodeId}/${bootId}/r`;
