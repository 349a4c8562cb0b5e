import type { CommandBody, CommandOutcome } from "@bluepower/protocol/uplink/messages";
import type { Tx } from "../database/database.ts";

/** How a charger is reached: `gateway` of DeviceInfo is 0, 1, 2 in this order (spec 2). */
export type Reach = "none" | "online" | "offline";

/**
 * The site gateways as the domain uses them. Commands are rows, inserted in the transaction of the change that
 * wants them, then published until answered or past their deadline; the outcome of an order comes as an event besides.
 */
export interface Gateways {
  /** Inserts a command; `send` publishes it after the commit. `deadline` is epoch ms. Returns the command's id. */
  insertCommand(
    tx: Tx,
    command: { gatewayId: string; orderId: string | null; deadline: number; body: CommandBody },
  ): Promise<string>;
  /**
   * Publishes an inserted command and waits for the answer; it goes on being published until its deadline also when nobody waits
   * any more. `no_answer` after `waitMs`.
   */
  send(commandId: string, waitMs: number): Promise<CommandOutcome | { kind: "no_answer" }>;
  /** Counts up the version of the desired state, in the transaction of a change that a gateway has to know. */
  touchDesired(tx: Tx, gatewayId: string): Promise<void>;
  /** After the commit: sends the desired state to a gateway that is connected; a later connection fetches it by itself. */
  publishDesired(gatewayId: string): void;
  /** Online: connected, and heard within 150 s. */
  online(gatewayId: string): boolean;
}
