import { Hono } from "hono";
import { expect, test } from "vitest";
import { clientAddress } from "./address.ts";

test.each([
  [0, "203.0.113.9", "127.0.0.1"],
  [1, "203.0.113.9", "203.0.113.9"],
  [1, "6.6.6.6, 203.0.113.9", "203.0.113.9"],
  [2, "6.6.6.6, 203.0.113.9, 10.0.0.1", "203.0.113.9"],
  [2, "203.0.113.9", "127.0.0.1"],
  [1, " ", "127.0.0.1"],
])("with %i proxies of ours, X-Forwarded-For %j is a call from %s", async (proxies, header, expected) => {
  const app = new Hono();
  app.get("/", (c) => c.text(clientAddress(c, proxies)));
  const incoming = { socket: { remoteAddress: "127.0.0.1" } };
  const answer = await app.request("/", { headers: { "x-forwarded-for": header } }, { incoming });
  expect(await answer.text()).toBe(expected);
});
