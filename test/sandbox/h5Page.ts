import type { HttpBindings } from "@hono/node-server";
import { Hono } from "hono";
import { html } from "hono/html";
import type { Order, Transactions } from "./transactions.ts";

/** Nobody is logged in on this page: whoever presses the button is this payer. */
export const H5_PAYER = "sandbox-h5-payer";

const HEADERS = {
  "Cache-Control": "no-store",
  // No form-action: a browser would apply it to the address to which the form's answer leads as well.
  "Content-Security-Policy":
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
};

/** The page behind `h5_url`. `paid` is told of every payment made here. */
export function h5Page(of: {
  transactions: Transactions;
  paid: (order: Order) => void;
}): Hono<{ Bindings: HttpBindings }> {
  const { transactions } = of;
  const app = new Hono<{ Bindings: HttpBindings }>();

  app.get("/h5/pay", (c) => {
    const { prepay_id: prepayId = "", redirect_url: back = "" } = c.req.query();
    const order = transactions.orderOfPrepayId(prepayId);
    if (order === undefined || order.channel !== "MWEB") {
      return c.html(page("支付链接无效", html`<p>没有这笔订单。</p>`), 404, HEADERS);
    }
    if (order.state !== "NOTPAY") return c.html(page(words(order), backLink(back)), 200, HEADERS);
    return c.html(
      page(
        "确认支付",
        html`<p>${order.description}</p>
          <p class="amount">¥${yuan(order.total)}</p>
          <form method="post" action="/h5/pay">
            <input type="hidden" name="prepay_id" value="${prepayId}" />
            <input type="hidden" name="redirect_url" value="${back}" />
            <button name="action" value="pay">支付</button>
            <button name="action" value="cancel">取消</button>
          </form>`,
      ),
      200,
      HEADERS,
    );
  });

  app.post("/h5/pay", async (c) => {
    const form = new URLSearchParams(await c.req.text());
    const prepayId = form.get("prepay_id") ?? "";
    const back = form.get("redirect_url") ?? "";
    const action = form.get("action");
    if (action === "cancel") return c.html(page("已取消支付", backLink(back)), 200, HEADERS);
    const order = transactions.orderOfPrepayId(prepayId);
    if (action !== "pay" || order?.channel !== "MWEB") {
      return c.html(page("支付链接无效", html`<p>没有这笔订单。</p>`), 404, HEADERS);
    }
    const paid = transactions.pay(prepayId, H5_PAYER);
    switch (paid.kind) {
      case "paid":
        of.paid(paid.order);
        return c.html(page("支付成功", backLink(back)), 200, HEADERS);
      case "already_paid":
      case "closed":
        return c.html(page(words(order), backLink(back)), 409, HEADERS);
      case "expired":
      case "replaced":
        return c.html(page("支付链接已过期", backLink(back)), 409, HEADERS);
      case "unknown":
        return c.html(page("支付链接无效", backLink(back)), 404, HEADERS);
    }
  });

  return app;
}

const words = (order: Order): string => (order.state === "CLOSED" ? "订单已关闭" : "支付成功");

const yuan = (fen: number): string => `${Math.floor(fen / 100)}.${String(fen % 100).padStart(2, "0")}`;

/** A link back to the merchant; none for an address that is not http(s), such as `javascript:`. */
function backLink(address: string): unknown {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url?.protocol !== "https:" && url?.protocol !== "http:") return html`<p>请返回商户页面。</p>`;
  return html`<p><a href="${url.href}">返回商户</a></p>`;
}

/** Everything put in is escaped by the template. */
const page = (title: string, content: unknown): ReturnType<typeof html> =>
  html`<!doctype html>
    <html lang="zh-CN">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} – 沙箱 SANDBOX</title>
        <style>
          body { font-family: system-ui, sans-serif; max-width: 24rem; margin: 0 auto; padding: 1rem; }
          .sandbox { background: #fff3cd; color: #5c4400; padding: 0.5rem; }
          .amount { font-size: 2rem; }
          button { font-size: 1.25rem; padding: 0.75rem 1.5rem; }
        </style>
      </head>
      <body>
        <p class="sandbox">沙箱 SANDBOX：这里没有真的钱。</p>
        <h1>${title}</h1>
        ${content}
      </body>
    </html>`;
