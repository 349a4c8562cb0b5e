import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { Aes, Formatter, Rsa } from "wechatpay-axios-plugin";

/** What the server says wrongly in its next answers. */
export type Lie =
  | "another key"
  | "another body"
  | "another nonce"
  | "an old time"
  | "an unknown serial"
  | "no signature"
  | "a probe";

export const APP_ID = "wx0123456789abcdef";
export const MCH_ID = "1900000001";
export const API_V3_KEY = "0123456789abcdefghijABCDEFGHIJ_-";
const MERCHANT_SERIAL = "1DDE55AD98ED71D6EDD4A4A16996DE7B47773A8C";
const SERVER_SERIAL = "PUB_KEY_ID_0119000000012026112200000000000001";

interface Transaction {
  total: number;
  state: "NOTPAY" | "SUCCESS" | "CLOSED" | "REFUND";
  openId: string;
  description: string;
  refunded: number;
}

type Said = { status: number; body: string };
const said = (status: number, body: object): Said => ({ status, body: JSON.stringify(body) });
const error = (status: number, code: string, message = code): Said => said(status, { code, message });

const pair = (): { publicKey: KeyObject; privateKey: KeyObject } =>
  generateKeyPairSync("rsa", { modulusLength: 2048 });
const pem = (key: KeyObject): string =>
  String(key.export({ type: key.type === "private" ? "pkcs8" : "spki", format: "pem" }));

/**
 * WeChat Pay as somebody else's library understands its signatures and ciphers: a merchant interface in memory which
 * verifies every request and signs every answer with nothing of ours. The rest of it is only as much as a merchant needs.
 */
export async function payServer() {
  const merchant = pair();
  const own = pair();
  const stranger = pair();
  const transactions = new Map<string, Transaction>();
  const refunds = new Map<string, { outTradeNo: string; refund: number }>();
  const nonces = new Set<string>();
  let lie: Lie | undefined;
  let balance = Number.POSITIVE_INFINITY;
  let requests = 0;

  /** Undefined for a request that the merchant has signed; else the refusal. */
  function refused(request: IncomingMessage, body: string): Said | undefined {
    const header = request.headers.authorization ?? "";
    const part = (name: string): string => new RegExp(`[ ,]${name}="([^"]*)"`).exec(header)?.[1] ?? "";
    const [timestamp, nonce, signature] = [part("timestamp"), part("nonce_str"), part("signature")];
    const text = Formatter.request(request.method ?? "", request.url ?? "", timestamp, nonce, body);
    const known =
      header.startsWith("WECHATPAY2-SHA256-RSA2048 ") &&
      part("mchid") === MCH_ID &&
      part("serial_no") === MERCHANT_SERIAL;
    if (!known || !Rsa.verify(text, signature, merchant.publicKey)) return error(401, "SIGN_ERROR");
    if (Math.abs(Formatter.timestamp() - Number(timestamp)) > 300 || nonces.has(nonce)) {
      return error(401, "SIGN_ERROR", "used or out of time");
    }
    nonces.add(nonce);
    const wanted =
      request.headers.accept === "application/json" && request.headers["user-agent"] !== undefined;
    return wanted && request.headers["wechatpay-serial"] === SERVER_SERIAL
      ? undefined
      : error(400, "PARAM_ERROR");
  }

  function answer(method: string, path: string, of: Record<string, unknown>): Said {
    if (method === "POST" && path === "/v3/pay/transactions/jsapi") return opened(of, "prepay_id");
    if (method === "POST" && path === "/v3/pay/transactions/h5") return opened(of, "h5_url");
    if (method === "POST" && path === "/v3/refund/domestic/refunds") return givenBack(of);
    const found = /^\/v3\/pay\/transactions\/out-trade-no\/([^/?]+)(\/close|\?mchid=1900000001)$/.exec(path);
    const number = decodeURIComponent(found?.[1] ?? "");
    const transaction = transactions.get(number);
    if (transaction === undefined) return error(404, "ORDER_NOT_EXIST");
    if (method === "GET") return said(200, view(number, transaction));
    if (of.mchid !== MCH_ID) return error(400, "PARAM_ERROR");
    if (transaction.state === "SUCCESS") return error(400, "ORDERPAID");
    transaction.state = "CLOSED";
    return { status: 204, body: "" };
  }

  function opened(of: Record<string, unknown>, field: "prepay_id" | "h5_url"): Said {
    const { total, currency } = of.amount as { total: number; currency: string };
    const number = String(of.out_trade_no);
    if (of.appid !== APP_ID || of.mchid !== MCH_ID || currency !== "CNY" || !Number.isSafeInteger(total)) {
      return error(400, "PARAM_ERROR");
    }
    if (transactions.get(number)?.total !== undefined && transactions.get(number)?.total !== total) {
      return error(400, "INVALID_REQUEST");
    }
    transactions.set(number, {
      total,
      state: "NOTPAY",
      openId: String((of.payer as { openid?: string } | undefined)?.openid ?? "of-the-web"),
      description: String(of.description),
      refunded: 0,
    });
    return said(200, { [field]: `${field}-${number}` });
  }

  function givenBack(of: Record<string, unknown>): Said {
    const amount = of.amount as { refund: number; total: number };
    const [number, refundNo] = [String(of.out_trade_no), String(of.out_refund_no)];
    const transaction = transactions.get(number);
    if (transaction === undefined) return error(404, "RESOURCE_NOT_EXISTS");
    const before = refunds.get(refundNo);
    if (before === undefined) {
      if (amount.total !== transaction.total || transaction.refunded + amount.refund > transaction.total) {
        return error(400, "INVALID_REQUEST", "more than was paid");
      }
      if (amount.refund > balance) return error(403, "NOT_ENOUGH");
      transaction.refunded += amount.refund;
      transaction.state = "REFUND";
      refunds.set(refundNo, { outTradeNo: number, refund: amount.refund });
    }
    const status = before === undefined ? "PROCESSING" : "SUCCESS";
    return said(200, { refund_id: `refund-of-${refundNo}`, out_refund_no: refundNo, status });
  }

  const view = (number: string, of: Transaction): object => ({
    appid: APP_ID,
    mchid: MCH_ID,
    out_trade_no: number,
    trade_state: of.state,
    trade_state_desc: "支付",
    ...(of.state !== "NOTPAY" && of.state !== "CLOSED"
      ? {
          transaction_id: `transaction-of-${number}`,
          success_time: "2026-11-24T12:34:56+08:00",
          payer: { openid: of.openId },
          amount: { total: of.total, payer_total: of.total, currency: "CNY" },
        }
      : {}),
  });

  /** The headers under which something is believed, or what the present lie makes of them. */
  function signed(body: string): Record<string, string> {
    const timestamp = String(Formatter.timestamp() - (lie === "an old time" ? 300 : 0));
    const nonce = Formatter.nonce();
    const text = Formatter.response(timestamp, nonce, lie === "another body" ? `${body} ` : body);
    const key = lie === "another key" ? stranger.privateKey : own.privateKey;
    const signature = Rsa.sign(text, key);
    return {
      "Wechatpay-Timestamp": timestamp,
      "Wechatpay-Nonce": lie === "another nonce" ? Formatter.nonce() : nonce,
      "Wechatpay-Serial": lie === "an unknown serial" ? "PUB_KEY_ID_0" : SERVER_SERIAL,
      ...(lie === "no signature"
        ? {}
        : { "Wechatpay-Signature": lie === "a probe" ? `WECHATPAY/SIGNTEST/${signature}` : signature }),
    };
  }

  const server = createServer((request, response) => {
    requests += 1;
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => void chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString("utf8");
      const { status, body: text } =
        refused(request, body) ??
        answer(request.method ?? "", request.url ?? "", body === "" ? {} : JSON.parse(body));
      response.writeHead(status, { "content-type": "application/json", ...signed(text) });
      response.end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    /** What a merchant has of WeChat Pay: our client's account. */
    account: {
      baseUrl,
      appId: APP_ID,
      mchId: MCH_ID,
      serial: MERCHANT_SERIAL,
      privateKeyPem: pem(merchant.privateKey),
      apiV3Key: API_V3_KEY,
      publicKeyId: SERVER_SERIAL,
      keys: new Map([[SERVER_SERIAL, pem(own.publicKey)]]),
      payNotifyUrl: "https://cloud.test/pay",
      refundNotifyUrl: "https://cloud.test/refund",
    },
    strangersKey: pem(stranger.privateKey),
    transactions,
    refunds,
    requests: () => requests,
    lies(next: Lie | undefined): void {
      lie = next;
    },
    balance(fen: number): void {
      balance = fen;
    },
    /** The payer pays. */
    pays(number: string): void {
      const transaction = transactions.get(number);
      if (transaction === undefined) throw new Error(`there is no ${number}`);
      transaction.state = "SUCCESS";
    },
    /** Whether the merchant has signed these lines. */
    merchantSigned: (lines: string[], signature: string): boolean =>
      Rsa.verify(Formatter.joinedByLineFeed(...lines), signature, merchant.publicKey),
    /** What WeChat Pay posts about a transaction: sealed and signed. */
    notification(number: string, key = API_V3_KEY): { headers: Headers; body: string } {
      const transaction = transactions.get(number);
      if (transaction === undefined) throw new Error(`there is no ${number}`);
      const nonce = Formatter.nonce(12);
      const content = JSON.stringify(view(number, transaction));
      const body = JSON.stringify({
        id: `event-of-${number}`,
        event_type: "TRANSACTION.SUCCESS",
        resource_type: "encrypt-resource",
        resource: {
          original_type: "transaction",
          algorithm: "AEAD_AES_256_GCM",
          ciphertext: Aes.AesGcm.encrypt(content, key, nonce, "transaction"),
          associated_data: "transaction",
          nonce,
        },
      });
      return { headers: new Headers(signed(body)), body };
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
