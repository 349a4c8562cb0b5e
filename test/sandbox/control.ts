import type { Clock } from "@bluepower/protocol/clock";
import { type Context, Hono } from "hono";
import type { Alteration, Bills } from "./bills.ts";
import { APP_NAMES, type AppName, type Credentials } from "./credentials.ts";
import {
  FAULT_KINDS,
  FAULT_TARGETS,
  FAULT_TIMES_MAX,
  type FaultKind,
  type Faults,
  type FaultTarget,
} from "./faults.ts";
import {
  canonical,
  firstProblem,
  oneOf,
  openid,
  optional,
  type Problem,
  parseJson,
  required,
  type Shape,
  text,
  wholeNumber,
} from "./fields.ts";
import type { Messages } from "./messages.ts";
import type { Notifier } from "./notifier.ts";
import { AMOUNT_MAX, outTradeNo } from "./payFields.ts";
import type { PaySignature } from "./paySignature.ts";
import type { People } from "./people.ts";
import type { PlatformCertificates } from "./platformCertificates.ts";
import { NOTIFY, type Notify, type Settlement } from "./settlement.ts";
import { type Paid, PREPAY_LIFETIME, type Transactions } from "./transactions.ts";
import { orderView, refundView } from "./transactionView.ts";

/** What a person or a test may make happen, on a port of its own that only this machine reaches (spec 6). */
export function control(of: {
  credentials: Credentials;
  people: People;
  messages: Messages;
  faults: Faults;
  transactions: Transactions;
  signature: PaySignature;
  notifier: Notifier;
  settlement: Settlement;
  certificates: PlatformCertificates;
  bills: Bills;
  clock: Clock;
}): Hono {
  const { credentials, people, transactions } = of;
  const { mchid } = credentials.merchant;
  const app = new Hono();

  app.use(async (c, next) => {
    // A page in a browser that has this machine's address resolved under another name has no business here.
    const host = new URL(c.req.url).hostname;
    if (["127.0.0.1", "localhost", "[::1]"].includes(host)) return next();
    return c.json({ error: `Host must be 127.0.0.1 or localhost, not ${host}`, field: "Host" }, 403);
  });

  const post = <T>(path: string, shape: Shape, run: (c: Context, body: T) => Response): void => {
    app.post(path, async (c) => {
      const body = parseJson(await c.req.text());
      const problem = firstProblem(body, shape);
      return problem === undefined ? run(c, body as T) : refuse(c, problem);
    });
  };

  post<{ app: AppName; openid: string }>("/login-code", person, (c, body) =>
    c.json({ jsCode: people.mintLoginCode(body.app, body.openid) }),
  );
  post<{ app: AppName; openid: string; phone: string }>(
    "/phone",
    {
      ...person,
      phone: required(text(11, 11, { pattern: /^1\d{10}$/, says: "11 digits beginning with 1" })),
    },
    (c, body) => c.json(people.mintPhone(body.app, body.openid, body.phone)),
  );
  post<{ app: AppName; openid: string }>("/expire-session", person, (c, body) => {
    people.renewSessionKey(body.app, body.openid);
    return c.json({});
  });
  post<{ app: AppName; openid: string; templateId: string; times?: number }>(
    "/subscribe",
    { ...person, templateId: required(text(1, 64)), times: optional(wholeNumber(1, 1000)) },
    (c, body) => {
      people.sessionKey(body.app, body.openid);
      return c.json({ left: people.consent(body.app, body.openid, body.templateId, body.times ?? 1) });
    },
  );
  post<{ app: AppName; managed: boolean }>(
    "/trade-managed",
    { app: person.app, managed: required(oneOf(true, false)) },
    (c, body) => {
      of.settlement.setTradeManaged(body.app, body.managed);
      return c.json({});
    },
  );

  post<Payment>("/pay", payment, (c, body) => {
    // The one that was signed, which a newer one of the same order may have replaced.
    const prepayId = body.package.slice(PACKAGE_HEAD.length);
    const order = transactions.orderOfPrepayId(prepayId);
    if (order === undefined)
      return refuse(c, { field: "package", issue: "names no prepay_id of the sandbox" });
    if (body.appId !== undefined && body.appId !== order.appid) {
      return refuse(c, { field: "appId", issue: `must be ${order.appid}, for which the order was made` });
    }
    if (order.channel !== "JSAPI" || order.openid === undefined) {
      return refuse(c, { field: "package", issue: "belongs to an H5 order, which is paid on its page" });
    }
    if (body.openid !== undefined && body.openid !== order.openid) {
      return refuse(c, { field: "openid", issue: "is not who the order names as payer" });
    }
    if (!of.signature.verifiesPaySign({ ...body, appid: order.appid })) {
      return refuse(c, { field: "paySign", issue: "does not fit appId, timeStamp, nonceStr and package" });
    }
    if (Math.abs(of.clock.now() - Number(body.timeStamp) * 1000) > PREPAY_LIFETIME) {
      return refuse(c, { field: "timeStamp", issue: "is more than two hours from now" });
    }
    if (body.outcome === "fail") return c.json(orderView(order, mchid));
    const paid = transactions.pay(prepayId, order.openid);
    if (paid.kind !== "paid") return refuse(c, { field: "package", issue: WHY_NOT[paid.kind] });
    of.settlement.notifyPaid(paid.order, body.notify ?? "once");
    return c.json(orderView(paid.order, mchid));
  });

  post<{ outTradeNo: string; notify?: Notify }>(
    "/notify",
    { outTradeNo: required(text(1, 32)), notify: optional(oneOf(...NOTIFY)) },
    (c, body) => {
      const order = transactions.order(body.outTradeNo);
      if (order?.transactionId === undefined)
        return refuse(c, { field: "outTradeNo", issue: "names no paid order" });
      of.settlement.notifyPaid(order, body.notify ?? "once");
      return c.json({});
    },
  );

  post<{ outRefundNo: string; outcome?: "SUCCESS" | "ABNORMAL" | "CLOSED"; notify?: Notify }>(
    "/settle-refund",
    {
      outRefundNo: required(text(1, 64)),
      outcome: optional(oneOf("SUCCESS", "ABNORMAL", "CLOSED")),
      notify: optional(oneOf(...NOTIFY)),
    },
    (c, body) => {
      const refund = of.settlement.settleRefund(
        body.outRefundNo,
        body.outcome ?? "SUCCESS",
        body.notify ?? "once",
      );
      const order = refund && transactions.order(refund.outTradeNo);
      if (refund === undefined || order === undefined) {
        return refuse(c, { field: "outRefundNo", issue: "names no refund that is in PROCESSING" });
      }
      return c.json(refundView(refund, order));
    },
  );
  post<{ settle: "auto" | "manual" }>(
    "/refunds",
    { settle: required(oneOf("auto", "manual")) },
    (c, body) => {
      of.settlement.setRefundsByHand(body.settle === "manual");
      return c.json({});
    },
  );

  post<{ outTradeNo: string; total: number; openid: string }>(
    "/outside-payment",
    {
      outTradeNo: required(outTradeNo),
      total: required(wholeNumber(1, AMOUNT_MAX)),
      openid: required(openid),
    },
    (c, body) => {
      const ordered = transactions.prepare({
        ...body,
        ...{ channel: "JSAPI", appid: credentials.apps.user.appid, description: "自助收款" },
        ...{ notifyUrl: "", request: canonical(body), signer: "public-key" },
      });
      const paid = ordered.kind === "prepared" && transactions.pay(ordered.order.prepayId, body.openid);
      return paid !== false && paid.kind === "paid"
        ? c.json(orderView(paid.order, mchid))
        : refuse(c, { field: "outTradeNo", issue: "names an order that there is" });
    },
  );
  post<{ number: string } & Alteration>(
    "/bill",
    {
      number: required(text(1, 64)),
      forgotten: optional(oneOf(true, false)),
      amount: optional(wholeNumber(1, AMOUNT_MAX)),
      refundStatus: optional(oneOf("PROCESSING", "SUCCESS", "ABNORMAL", "CLOSED")),
      only: optional(oneOf("trade", "fund")),
    },
    (c, { number, ...alteration }) => {
      if (transactions.order(number) === undefined && transactions.refundOf(number) === undefined) {
        return refuse(c, { field: "number", issue: "names neither an order nor a refund" });
      }
      of.bills.alter(number, alteration);
      return c.json({});
    },
  );

  post<{ on: FaultTarget; kind: FaultKind; times?: number }>(
    "/fault",
    {
      on: required(oneOf(...FAULT_TARGETS)),
      kind: required(oneOf(...FAULT_KINDS)),
      times: optional(wholeNumber(0, FAULT_TIMES_MAX)),
    },
    (c, body) => {
      if (body.kind === "bad-signature" && body.on !== "pay") {
        return refuse(c, {
          field: "kind",
          issue: 'may be bad-signature only with on "pay": other answers carry none',
        });
      }
      of.faults.add(body.on, body.kind, body.times ?? 1);
      return c.json({ waiting: of.faults.waiting() });
    },
  );
  app.post("/rotate-certificate", async (c) => {
    const { serial } = await of.certificates.rotate();
    return c.json({ serial });
  });
  app.get("/fault", (c) => c.json({ waiting: of.faults.waiting() }));
  app.get("/messages", (c) => c.json({ messages: of.messages.list() }));
  app.get("/notifications", (c) =>
    c.json({
      notifications: of.notifier.list().map(({ event, signer: _, ...notification }) => ({
        ...notification,
        eventType: event.eventType,
      })),
    }),
  );
  app.get("/transactions", (c) =>
    c.json({
      transactions: transactions.orders().map((order) => ({
        ...orderView(order, mchid),
        description: order.description,
        shipped: order.shipped === true,
        refunds: transactions.refunds(order.outTradeNo).map((refund) => refundView(refund, order)),
      })),
    }),
  );
  app.get("/healthz", (c) => c.json({ ok: true }));
  app.notFound((c) =>
    c.json({ error: `${c.req.method} ${c.req.path} is not offered; see bluepower-sandbox --help` }, 404),
  );
  return app;
}

const refuse = (c: Context, problem: Problem): Response =>
  c.json({ error: `${problem.field} ${problem.issue}`, field: problem.field }, 400);

const PACKAGE_HEAD = "prepay_id=";

const WHY_NOT: Record<Exclude<Paid["kind"], "paid">, string> = {
  unknown: "names no prepay_id of the sandbox",
  replaced: "names a prepay_id that a newer one of the same order has replaced",
  expired: "names an order whose time to be paid is over",
  closed: "names a closed order",
  already_paid: "names a paid order",
};

interface Payment {
  appId?: string;
  openid?: string;
  timeStamp: string;
  nonceStr: string;
  package: string;
  signType: "RSA";
  paySign: string;
  outcome?: "success" | "fail";
  notify?: Notify;
}

const payment: Shape = {
  appId: optional(text(1, 32)),
  openid: optional(openid),
  timeStamp: required(text(10, 10, { pattern: /^\d+$/, says: "UNIX seconds as text" })),
  nonceStr: required(text(1, 32)),
  package: required(text(1, 128, { pattern: /^prepay_id=\w+$/, says: "prepay_id= and the prepay_id" })),
  signType: required(oneOf("RSA")),
  paySign: required(text(1, 1024)),
  outcome: optional(oneOf("success", "fail")),
  notify: optional(oneOf(...NOTIFY)),
};

const person = { app: required(oneOf(...APP_NAMES)), openid: required(openid) } satisfies Shape;
