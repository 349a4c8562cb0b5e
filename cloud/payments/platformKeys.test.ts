import { createCipheriv, generateKeyPairSync, sign } from "node:crypto";
import { createServer, type Server } from "node:http";
import { instant, millis, seconds } from "@bluepower/protocol/clock";
import { seededRandom } from "@bluepower/protocol/random";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { newCertificate } from "../../test/sandbox/credentials.ts";
import type { PaymentProvider } from "./payments.ts";
import { rfc3339 } from "./rfc3339.ts";
import { wechatPay } from "./wechatPay.ts";

type Certificate = Awaited<ReturnType<typeof newCertificate>>;
const START = instant(1_795_330_862_000);
const API_V3_KEY = "0123456789abcdef0123456789abcdef";
const merchant = generateKeyPairSync("rsa", { modulusLength: 2048 });

let clock: SimulatedClock;
let made: Certificate[] = [];
const certificate = (n: number): Certificate => made[n] as Certificate;
/** Under which certificate answers are signed, which are handed out, and how often they were asked for. */
let signer: Certificate;
let handed: object[];
let listSigner: Certificate;
let downloads: number;
let server: Server;
let pay: PaymentProvider;

function sealed(pem: string, key = API_V3_KEY): object {
  const cipher = createCipheriv("aes-256-gcm", Buffer.from(key), Buffer.from("0123456789ab"));
  cipher.setAAD(Buffer.from("certificate"));
  const bytes = Buffer.concat([cipher.update(pem), cipher.final(), cipher.getAuthTag()]);
  const ciphertext = bytes.toString("base64");
  return {
    ...{ algorithm: "AEAD_AES_256_GCM", nonce: "0123456789ab", associated_data: "certificate", ciphertext },
  };
}
const entry = (c: Certificate, change: object = {}): object => ({
  serial_no: c.serial,
  effective_time: rfc3339(instant(c.from)),
  expire_time: rfc3339(instant(c.to)),
  encrypt_certificate: sealed(c.pem),
  ...change,
});

function headers(by: Certificate, body: string): Record<string, string> {
  const now = String(Math.floor(clock.now() / 1000));
  const signature = sign("sha256", Buffer.from(`${now}\nn\n${body}\n`), by.privateKeyPem).toString("base64");
  return {
    ...{ "Wechatpay-Serial": by.serial, "Wechatpay-Timestamp": now, "Wechatpay-Nonce": "n" },
    "Wechatpay-Signature": signature,
  };
}

beforeAll(async () => {
  made = await Promise.all([1, 2, 3].map((n) => newCertificate(seededRandom(n), START)));
  server = createServer((request, response) => {
    const list = request.url?.startsWith("/v3/certificates") === true;
    if (list) downloads++;
    const content = list
      ? { data: handed }
      : { out_trade_no: "N", mchid: "1900000001", trade_state: "NOTPAY" };
    const body = JSON.stringify(content);
    response.writeHead(200, headers(list ? listSigner : signer, body)).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** A merchant that has the first certificate, and WeChat Pay that has changed to the second. */
beforeEach(() => {
  clock = new SimulatedClock(START);
  downloads = 0;
  signer = certificate(1);
  listSigner = certificate(1);
  handed = [entry(certificate(1)), entry(certificate(0))];
  const address = server.address();
  pay = wechatPay({
    clock,
    random: seededRandom(4),
    account: {
      baseUrl: `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`,
      ...{ appId: "wx1", mchId: "1900000001", serial: "S", apiV3Key: API_V3_KEY, publicKeyId: "" },
      privateKeyPem: merchant.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      keys: new Map([[certificate(0).serial, certificate(0).pem]]),
      ...{ payNotifyUrl: "https://example.com/pay", refundNotifyUrl: "https://example.com/refund" },
    },
  });
});

const believed = async (): Promise<boolean> => (await pay.query("N")).kind === "open";

test("a known certificate needs no other; several hold at once", async () => {
  signer = certificate(0);
  expect(await believed()).toBe(true);
  expect(downloads).toBe(0);
  signer = certificate(1);
  expect(await believed()).toBe(true);
  signer = certificate(0);
  expect(await believed()).toBe(true);
  expect(downloads).toBe(1);
});

test("an unknown serial has the certificates fetched once a minute, and those that wait wait for the same", async () => {
  signer = certificate(2);
  expect(await Promise.all([believed(), believed(), believed()])).toEqual([false, false, false]);
  expect(await believed()).toBe(false);
  expect(downloads).toBe(1);
  handed = [entry(certificate(2))];
  listSigner = certificate(2);
  clock.jump(seconds(3600));
  expect(await believed()).toBe(false);
  expect(downloads).toBe(1);
  await clock.advance(seconds(60));
  expect(await believed()).toBe(true);
  expect(downloads).toBe(2);
});

test("a learned certificate holds until it expires", async () => {
  const end = instant(START + 120_000);
  handed = [entry(certificate(1), { expire_time: rfc3339(end) })];
  expect(await believed()).toBe(true);
  clock.jump(millis(119_000));
  expect(await believed()).toBe(true);
  clock.jump(millis(2_000));
  expect(await believed()).toBe(false);
});

const untrue: [string, () => void][] = [
  [
    "sealed with another key",
    () => {
      const pem = certificate(1).pem;
      handed = [entry(certificate(1), { encrypt_certificate: sealed(pem, "f".repeat(32)) })];
    },
  ],
  [
    "handed out under the serial of another",
    () => {
      handed = [entry(certificate(2), { serial_no: certificate(1).serial })];
    },
  ],
  [
    "that has expired",
    () => {
      handed = [entry(certificate(1), { expire_time: rfc3339(instant(START - 1000)) })];
    },
  ],
  [
    "that does not hold yet",
    () => {
      handed = [entry(certificate(1), { effective_time: rfc3339(instant(START + 10_000)) })];
    },
  ],
  [
    "that is none",
    () => {
      handed = [entry(certificate(1), { encrypt_certificate: sealed("no certificate") })];
    },
  ],
  [
    "in a list that a stranger has signed",
    () => {
      listSigner = certificate(2);
    },
  ],
  [
    "in no list",
    () => {
      handed = [];
    },
  ],
];
test.each(untrue)("a certificate %s is not believed", async (_, lie) => {
  lie();
  expect(await believed()).toBe(false);
  expect(downloads).toBe(1);
});
