import { seconds, withDeadline } from "@bluepower/protocol/clock";
import { equalConstantTime } from "@bluepower/protocol/text";
import { type Context, Hono } from "hono";
import { sql } from "kysely";
import type { Cloud } from "../cloud.ts";
import type { Metrics } from "../metrics.ts";
import { docsPage } from "./docs.ts";
import type { AnyEndpoint } from "./endpoint.ts";
import { openApiDocument } from "./openapi.ts";
import { createApi } from "./serve.ts";
import { wechatNotify } from "./wechatNotify.ts";

/** A database that does not answer in this time is no database to a load balancer. */
const HEALTH_DEADLINE = seconds(2);

/** Everything on PORT: the signed interfaces, WeChat Pay's notifications, the document of the interfaces, health and numbers. */
export function createWeb(cloud: Cloud, of: { table: readonly AnyEndpoint[]; metrics: Metrics }): Hono {
  const { metrics, table } = of;
  const app = new Hono();
  app.route("/", createApi(cloud, table, metrics));
  app.route("/", wechatNotify(cloud.payments));

  const document = openApiDocument(table);
  app.get("/openapi.json", (c) => c.json(document));
  app.get("/docs", (c) => {
    // Nothing is loaded and nothing runs: what is described here can carry no script in.
    c.header(
      "Content-Security-Policy",
      "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    );
    return c.html(docsPage(document));
  });

  app.get("/healthz", async (c) => {
    const asked = sql`select 1`.execute(cloud.db).then(
      () => true,
      () => false,
    );
    const answer = await withDeadline(cloud.clock, HEALTH_DEADLINE, "healthz", asked);
    const healthy = answer.kind === "done" && answer.value;
    return c.json({ status: healthy ? "ok" : "database" }, healthy ? 200 : 503);
  });

  app.get("/metrics", (c) => {
    if (!mayReadMetrics(c, cloud.config.metricsToken))
      return c.text("a token is needed: METRICS_TOKEN\n", 403);
    return c.text(metrics.text(), 200, { "Content-Type": "text/plain; version=0.0.4" });
  });

  app.notFound((c) => c.text("not found\n", 404));
  app.onError((error, c) => {
    cloud.log.error({ err: error, path: c.req.path }, "a request failed");
    return c.text("internal error\n", 500);
  });
  return app;
}

/** The machine itself may, anybody else with the token. A request that came through a proxy did not come from the machine. */
function mayReadMetrics(c: Context, token: string | null): boolean {
  const given = c.req.header("authorization") ?? "";
  if (token !== null && equalConstantTime(given, `Bearer ${token}`)) return true;
  if (c.req.header("x-forwarded-for") !== undefined || c.req.header("forwarded") !== undefined) return false;
  const { incoming } = (c.env ?? {}) as { incoming?: { socket?: { remoteAddress?: string } } };
  return /^(127\.|::1$|::ffff:127\.)/.test(incoming?.socket?.remoteAddress ?? "");
}
