import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { gzipSync } from "node:zlib";
import { instant } from "@bluepower/protocol/clock";
import { seededRandom } from "@bluepower/protocol/random";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type Bills, wechatBills } from "./bills.ts";

const DAY = 20261122;
const NAMES = "交易时间,商户号,微信订单号,商户订单号,交易状态,货币种类,商户退款单号,退款状态,商品名称";
const BILL = Buffer.from(
  [
    `${NAMES},手续费,订单金额,申请退款金额`,
    "`2026-11-22 12:00:00,`1900000001,`4200001,`P-1,`SUCCESS,`CNY,`0,`,`充电,`0.02000,`3.00,`0.00",
    "总交易单数,手续费总金额,订单总金额,申请退款总金额",
    "`1,`0.02000,`3.00,`0.00\n",
  ].join("\n"),
);
const sha1 = (bytes: Buffer): string => createHash("sha1").update(bytes).digest("hex");

const wechat = generateKeyPairSync("rsa", { modulusLength: 2048 });
const merchant = generateKeyPairSync("rsa", { modulusLength: 2048 });
const clock = new SimulatedClock(instant(1_795_500_000_000));
let server: Server;
let origin: string;
let bills: Bills;
/** What is answered, how the file comes, and what was asked for. */
let answer: { status: number; body: Record<string, unknown> };
let file: { status: number; bytes: Buffer; headers?: Record<string, string>; cut?: boolean };
let asked: { url: string; authorization: string }[];
let signer = wechat.privateKey;

beforeAll(async () => {
  server = createServer((request: IncomingMessage, response) => {
    const url = request.url ?? "";
    asked.push({ url, authorization: request.headers.authorization ?? "" });
    if (url.startsWith("/v3/billdownload/")) {
      // Files carry no signature.
      response.writeHead(file.status, { "Content-Length": file.bytes.length, ...file.headers });
      if (file.cut !== true) return response.end(file.bytes);
      return response.write(file.bytes.subarray(0, 20), () => response.destroy());
    }
    const body = JSON.stringify(answer.body);
    const seconds = String(Math.floor(clock.now() / 1000));
    const signature = sign("sha256", Buffer.from(`${seconds}\nn\n${body}\n`), signer).toString("base64");
    const serial = { "Wechatpay-Serial": "PUB_KEY_ID_1", "Wechatpay-Signature": signature };
    const headers = { ...serial, "Wechatpay-Timestamp": seconds, "Wechatpay-Nonce": "n" };
    return response.writeHead(answer.status, headers).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  origin = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
  bills = wechatBills({
    clock,
    random: seededRandom(1),
    max: { packed: 4096, bill: 100_000 },
    account: {
      baseUrl: origin,
      appId: "wx1",
      mchId: "1900000001",
      serial: "S",
      privateKeyPem: merchant.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      apiV3Key: "0123456789abcdef0123456789abcdef",
      publicKeyId: "PUB_KEY_ID_1",
      keys: new Map([["PUB_KEY_ID_1", wechat.publicKey.export({ type: "spki", format: "pem" }).toString()]]),
      payNotifyUrl: "https://example.com/pay",
      refundNotifyUrl: "https://example.com/refund",
    },
  });
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
beforeEach(() => {
  signer = wechat.privateKey;
  asked = [];
  made(BILL);
});

/** WeChat Pay has a bill of these bytes. */
function made(bytes: Buffer, more: Record<string, unknown> = {}): void {
  const download_url = `${origin}/v3/billdownload/file?token=T&tartype=gzip`;
  answer = { status: 200, body: { hash_type: "SHA1", hash_value: sha1(bytes), download_url, ...more } };
  file = { status: 200, bytes: gzipSync(bytes) };
}

test("a bill is asked for and fetched with signed calls, and believed by its hash", async () => {
  expect(await bills.tradeBill(DAY)).toMatchObject({ kind: "bill", bill: { paid: 300, fees: 2 } });
  expect(asked.map((a) => a.url)).toEqual([
    "/v3/bill/tradebill?bill_date=2026-11-22&bill_type=ALL&tar_type=GZIP",
    "/v3/billdownload/file?token=T&tartype=gzip",
  ]);
  for (const { authorization } of asked)
    expect(authorization).toMatch(/^WECHATPAY2-SHA256-RSA2048 mchid="1900/);
});

test.each([
  ["in one piece, unpacked by the way", () => ({ status: 200, bytes: BILL })],
  [
    "unpacked by the transport",
    () => ({ status: 200, bytes: gzipSync(BILL), headers: { "Content-Encoding": "gzip" } }),
  ],
])("a file may come %s", async (_, comes) => {
  file = comes();
  expect(await bills.tradeBill(DAY)).toMatchObject({ kind: "bill" });
});

test("the file is fetched where the calls go, whatever host is named", async () => {
  made(BILL, { download_url: "https://elsewhere.example/v3/billdownload/file?token=T" });
  expect(await bills.tradeBill(DAY)).toMatchObject({ kind: "bill" });
  expect(asked).toHaveLength(2);
});

const BOMB = Buffer.alloc(2_000_000, "0");
test.each([
  ["another hash", () => made(BILL, { hash_value: sha1(Buffer.from("other")) }), "whose hash was named"],
  ["the hash of the packed file", () => made(BILL, { hash_value: sha1(gzipSync(BILL)) }), "whose hash"],
  ["no hash", () => made(BILL, { hash_value: "" }), "whose hash was named"],
  ["another kind of hash", () => made(BILL, { hash_type: "MD5" }), "hash_type is not SHA1"],
  [
    "one byte of the file changed",
    () => {
      made(BILL);
      file.bytes = gzipSync(Buffer.from(BILL.toString().replace("`3.00", "`4.00")));
    },
    "whose hash was named",
  ],
  [
    "a truncated file",
    () => {
      made(BILL);
      file.bytes = file.bytes.subarray(0, -20);
    },
    "no whole gzip file",
  ],
  ["a file that grows beyond its bound", () => made(BOMB), "a bill over 100000 bytes"],
  ["no UTF-8", () => made(Buffer.from([0xc3, 0x28])), "no UTF-8"],
  ["no bill in it", () => made(Buffer.from("<html>")), "the column 交易时间 is not there once"],
  [
    "an address that is none of WeChat Pay's",
    () => made(BILL, { download_url: `${origin}/x` }),
    "download_url",
  ],
  ["no address", () => made(BILL, { download_url: 1 }), "download_url"],
])("%s is bad", async (_, set, says) => {
  set();
  expect(await bills.tradeBill(DAY)).toEqual({ kind: "bad", detail: expect.stringContaining(says) });
});

test.each([
  [
    "a packed file over its bound",
    () => {
      file.bytes = Buffer.alloc(5000, 1);
    },
    "over 4096 bytes",
  ],
  [
    "a connection that breaks",
    () => {
      file.cut = true;
    },
    "",
  ],
  [
    "a file that is not there",
    () => {
      file = { status: 400, bytes: Buffer.from('{"code":"INVALID_REQUEST"}') };
    },
    "HTTP 400 INVALIDREQUEST",
  ],
  [
    "an answer that somebody else has signed",
    () => {
      signer = merchant.privateKey;
    },
    "Wechatpay-Signature does not fit",
  ],
  [
    "a bill that is being made",
    () => {
      answer = { status: 400, body: { code: "STATEMENT_CREATING", message: "账单生成中" } };
    },
    "STATEMENTCREATING",
  ],
])("%s is a reason to ask again later", async (_, set, says) => {
  set();
  expect(await bills.tradeBill(DAY)).toEqual({ kind: "unavailable", detail: expect.stringContaining(says) });
});

test("a day without business has none, and a day too long ago is refused; neither is believed unsigned", async () => {
  answer = { status: 400, body: { code: "NO_STATEMENT_EXIST", message: "" } };
  expect(await bills.fundFlow(DAY)).toEqual({ kind: "none" });
  expect(asked[0]?.url).toBe("/v3/bill/fundflowbill?bill_date=2026-11-22&account_type=BASIC&tar_type=GZIP");
  signer = merchant.privateKey;
  expect(await bills.fundFlow(DAY)).toMatchObject({ kind: "unavailable" });
  signer = wechat.privateKey;
  answer = { status: 400, body: { code: "INVALID_REQUEST", message: "bill_date" } };
  expect(await bills.tradeBill(DAY)).toMatchObject({ kind: "refused" });
});
