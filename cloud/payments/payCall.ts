import { type Clock, type Millis, seconds } from "@bluepower/protocol/clock";
import { BASE62, type Random, text } from "@bluepower/protocol/random";
import { type Json, jsonObject, textOf } from "./json.ts";
import { certificatesIn, platformKeys } from "./platformKeys.ts";
import { authorization, signatureProblem, UNKNOWN_KEY } from "./signing.ts";

/** A merchant of WeChat Pay v3 and the mini-program that its payers use. */
export interface WeChatPayAccount {
  /** Origin without a slash at its end. */
  baseUrl: string;
  appId: string;
  mchId: string;
  /** Serial number of the merchant's certificate. */
  serial: string;
  privateKeyPem: string;
  /** 32 characters. */
  apiV3Key: string;
  /** The serial that answers are asked to be signed under: `PUB_KEY_ID_…`; empty where certificates sign. */
  publicKeyId: string;
  /** Keys that are configured, by their serial; certificates that WeChat Pay changes to are learned. */
  keys: ReadonlyMap<string, string>;
  /** Where payments and refunds are told; without a query. */
  payNotifyUrl: string;
  refundNotifyUrl: string;
}

/** A person waits for it: a payment page that takes longer is given up; the state is then asked for. */
const CALL_DEADLINE = seconds(5);
/** No answer of WeChat Pay comes near it. */
const ANSWER_MAX = 256 * 1024;
/** Nobody waits for a file, and a large one takes its time; a program that is told to end waits no longer than this. */
const FILE_DEADLINE = seconds(30);
/** Certificates are asked for at most so often: anybody can name a serial that nobody knows. */
const LEARN_AGAIN = seconds(60);

/** Answers that say nothing about the payment: ask again later. Spelled without underscores, as old and new spellings differ. */
const TRANSIENT = [
  "SYSTEMERROR",
  "BANKERROR",
  "FREQUENCYLIMITED",
  "FREQUENCYLIMITEXCEED",
  "RATELIMITEXCEEDED",
];
export type Answer =
  | { kind: "ok"; body: Json }
  /** A verified 4xx. `code` without underscores. */
  | { kind: "error"; status: number; code: string; detail: string }
  | { kind: "unavailable"; detail: string };

export type Downloaded = { kind: "ok"; bytes: Buffer } | { kind: "unavailable"; detail: string };

interface Said {
  status: number;
  headers: Headers;
  bytes: Buffer;
}

interface Bounds {
  deadline: Millis;
  /** Bytes. */
  max: number;
}
const ANSWER: Bounds = { deadline: CALL_DEADLINE, max: ANSWER_MAX };

/** Signed calls of WeChat Pay, and whether what comes from there does. */
export interface PayCaller {
  /** The answer is verified before it is believed; a 5xx and what cannot be verified leave the state unknown. */
  call(method: "GET" | "POST", path: string, content?: Json): Promise<Answer>;
  /**
   * A file of at most so many bytes. WeChat Pay signs no files, so nothing is known of what came: the caller compares it with
   * the hash that a signed answer has named.
   */
  download(path: string, max: number): Promise<Downloaded>;
  /** Undefined when WeChat Pay has said this, just now; otherwise what is wrong. */
  problemOf(headers: Headers, body: string): Promise<string | undefined>;
  nonce(): string;
  nowSeconds(): number;
}

/**
 * Calls for one merchant. When something is signed under a serial that is not known, WeChat Pay may have changed its
 * certificate: the new ones are fetched and believed when the APIv3 key opens them and one of them, or a known key, has signed
 * the answer. Old ones hold until they expire.
 */
export function payCaller(of: { account: WeChatPayAccount; clock: Clock; random: Random }): PayCaller {
  const { account, clock } = of;
  const keys = platformKeys(account.keys, clock);
  let learning: Promise<void> | undefined;
  let learned: number | undefined;
  const random = of.random.fork("wechat pay");
  const nonce = (): string => text(random, 32, BASE62);
  const nowSeconds = (): number => Math.floor(clock.now() / 1000);
  /** A base URL may have a path, and the signature covers it. */
  const root = new URL(account.baseUrl).pathname.replace(/\/$/, "");

  /** What came back, whoever has said it; a text is why nothing did. */
  async function send(
    method: "GET" | "POST",
    path: string,
    { content, deadline, max }: Bounds & { content?: Json | undefined } = ANSWER,
  ): Promise<Said | string> {
    const body = content === undefined ? "" : JSON.stringify(content);
    const aborting = new AbortController();
    const timer = clock.after(deadline, "wechat pay call", () => aborting.abort());
    try {
      const response = await fetch(new URL(root + path, account.baseUrl), {
        method,
        redirect: "error",
        signal: aborting.signal,
        headers: {
          Accept: "application/json",
          "User-Agent": "bluepower-cloud",
          ...(account.publicKeyId !== "" && { "Wechatpay-Serial": account.publicKeyId }),
          Authorization: authorization(account, {
            method,
            target: root + path,
            body,
            timestamp: String(nowSeconds()),
            nonce: nonce(),
          }),
          ...(content !== undefined && { "Content-Type": "application/json" }),
        },
        ...(content !== undefined && { body }),
      });
      return { status: response.status, headers: response.headers, bytes: await bounded(response, max) };
    } catch (error) {
      return aborting.signal.aborted ? `no answer within ${deadline} ms` : reasonOf(error);
    } finally {
      timer.cancel();
    }
  }

  async function problemOf(headers: Headers, body: string): Promise<string | undefined> {
    const message = { headers, body, nowSeconds: nowSeconds() };
    const problem = signatureProblem(keys, message);
    if (problem !== UNKNOWN_KEY) return problem;
    await learn();
    return signatureProblem(keys, message);
  }

  /** One at a time; all that come meanwhile wait with it. */
  async function learn(): Promise<void> {
    if (learning === undefined) {
      if (learned !== undefined && clock.uptime() - learned < LEARN_AGAIN) return;
      learned = clock.uptime();
      learning = download().finally(() => {
        learning = undefined;
      });
    }
    await learning;
  }

  async function download(): Promise<void> {
    const said = await send("GET", "/v3/certificates");
    if (typeof said === "string" || said.status !== 200) return;
    const { headers } = said;
    const body = said.bytes.toString("utf8");
    const found = certificatesIn(body, { apiV3Key: account.apiV3Key, now: clock.now() });
    const all = { get: (serial: string) => keys.get(serial) ?? found.find((c) => c.serial === serial)?.pem };
    if (signatureProblem(all, { headers, body, nowSeconds: nowSeconds() }) !== undefined) return;
    keys.add(found);
  }

  return {
    nonce,
    nowSeconds,
    problemOf,
    async call(method, path, content) {
      const said = await send(method, path, { ...ANSWER, content });
      if (typeof said === "string") return { kind: "unavailable", detail: said };
      const { status, headers } = said;
      const body = said.bytes.toString("utf8");
      if (status >= 500 || status === 429) {
        return { kind: "unavailable", detail: `HTTP ${status} ${codeOf(body)}` };
      }
      const problem = await problemOf(headers, body);
      if (problem !== undefined) {
        return { kind: "unavailable", detail: `HTTP ${status} ${codeOf(body)}: ${problem}` };
      }
      const read = body === "" ? {} : jsonObject(body);
      if (read === undefined) return { kind: "unavailable", detail: "an answer that is no JSON object" };
      if (status < 300) return { kind: "ok", body: read };
      const code = codeOf(body);
      if (TRANSIENT.includes(code)) return { kind: "unavailable", detail: code };
      return { kind: "error", status, code, detail: `${code}: ${textOf(read, "message")}` };
    },

    async download(path, max) {
      const said = await send("GET", path, { deadline: FILE_DEADLINE, max });
      if (typeof said === "string") return { kind: "unavailable", detail: said };
      const { status, bytes } = said;
      return status === 200
        ? { kind: "ok", bytes }
        : { kind: "unavailable", detail: `HTTP ${status} ${codeOf(bytes.toString("utf8"))}` };
    },
  };
}

async function bounded(response: Response, max: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > max) throw new Error(`an answer over ${max} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const reasonOf = (error: unknown): string => {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
};

const codeOf = (body: string): string =>
  textOf(jsonObject(body) ?? {}, "code")
    .replaceAll("_", "")
    .slice(0, 60);
