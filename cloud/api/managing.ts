import type { Cloud } from "../cloud.ts";
import type { Changed } from "../devices/managed.ts";
import type { Caller } from "./endpoint.ts";

/** A manager at work: what the domain needs of them, and how the audit log calls them. */
export function managing(cloud: Cloud, { phone }: Pick<Caller, "phone">) {
  return {
    who: { manager: phone, touchDesired: cloud.gateways.touchDesired },
    by: { who: `manager:${phone}`, at: cloud.clock.now() },
  };
}

/** After the commit: the gateways that have to know of a change are sent it at once. */
export function publishTo(cloud: Cloud, { gateways }: Changed): void {
  for (const id of gateways) cloud.gateways.publishDesired(id);
}
