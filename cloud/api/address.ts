import type { Context } from "hono";

/**
 * The client's address. X-Forwarded-For is believed only as far as there are reverse proxies of ours: each adds the
 * address it was called from at the end, what stands before is the client's own word.
 */
export function clientAddress(c: Context, trustedProxies: number): string {
  if (trustedProxies > 0) {
    const hops = (c.req.header("x-forwarded-for") ?? "").split(",").map((a) => a.trim());
    const seen = hops.at(-trustedProxies);
    if (seen !== undefined && seen !== "") return seen.slice(0, 64);
  }
  const { incoming } = (c.env ?? {}) as { incoming?: { socket?: { remoteAddress?: string } } };
  return incoming?.socket?.remoteAddress ?? "unknown";
}
