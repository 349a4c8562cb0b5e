import { isGatewayId } from "@bluepower/protocol/units";
import { down, replies, up } from "@bluepower/protocol/uplink/topics";

/** What one gateway may do, as exact topics: a deny-list by prefix would be passed with a wildcard. */
export interface Access {
  publish: ReadonlySet<string>;
  subscribe: ReadonlySet<string>;
  will: string;
}

/** Undefined for what is no gateway id. `replyTo` is the topic on which this boot of the cloud takes answers. */
export function accessOf(gatewayId: string, replyTo: string): Access | undefined {
  if (!isGatewayId(gatewayId)) return undefined;
  return {
    publish: new Set([...Object.values(up).map((topic) => topic(gatewayId)), replyTo]),
    subscribe: new Set(Object.values(down).map((topic) => topic(gatewayId))),
    will: up.gone(gatewayId),
  };
}

/**
 * An answer to a command of a boot that is over. A gateway may still have it in flight when it connects anew, so it
 * is swallowed; to close the connection would make the gateway send it again for ever.
 */
export function isFormerReply(topic: string, nodeId: string): boolean {
  const [cloud, node, boot, r, ...rest] = topic.split("/");
  return (
    cloud === "cloud" &&
    node === nodeId &&
    r === "r" &&
    rest.length === 0 &&
    boot !== undefined &&
    /^[A-Za-z0-9]+$/.test(boot) &&
    topic === replies(node, boot)
  );
}
