import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import type { Clock } from "@bluepower/protocol/clock";
import type { Random } from "@bluepower/protocol/random";
import { textOf } from "../payments/json.ts";
import { payCaller, type WeChatPayAccount } from "../payments/payCall.ts";
import { type Day, written } from "./billDay.ts";
import type { Read } from "./billTable.ts";
import { type FundFlow, readFundFlow } from "./fundFlow.ts";
import { readTradeBill, type TradeBill } from "./tradeBill.ts";
import { giveWay } from "./turn.ts";

export type Billed<T> =
  | { kind: "bill"; bill: T }
  /** Nothing happened on that day. */
  | { kind: "none" }
  /** Not now: ask again later. */
  | { kind: "unavailable"; detail: string }
  /** WeChat Pay says no: it keeps bills for three months. */
  | { kind: "refused"; detail: string }
  /** What came is not what WeChat Pay has announced, or no bill that can be believed. */
  | { kind: "bad"; detail: string };

/** The bills of one merchant. Every call has a deadline and every file a bound. */
export interface Bills {
  tradeBill(day: Day): Promise<Billed<TradeBill>>;
  /** Of the basic account. */
  fundFlow(day: Day): Promise<Billed<FundFlow>>;
}

/** A row has about three hundred bytes: two hundred thousand payments a day, which packed are a tenth of it. */
const BILL_MAX = 64 * 1024 * 1024;
const PACKED_MAX = 16 * 1024 * 1024;

const GZIP = Buffer.from([0x1f, 0x8b]);
const unpack = promisify(gunzip);

/** Bills of WeChat Pay v3 ("申请交易账单", "申请资金账单", "下载账单"). */
export function wechatBills(of: {
  account: WeChatPayAccount;
  clock: Clock;
  random: Random;
  /** Smaller ones for tests: bytes of a file, and of what is packed in it. */
  max?: { packed: number; bill: number };
}): Bills {
  const { max = { packed: PACKED_MAX, bill: BILL_MAX } } = of;
  const caller = payCaller({ ...of, random: of.random.fork("bills") });

  async function file(path: string): Promise<Billed<string>> {
    const answer = await caller.call("GET", path);
    if (answer.kind === "unavailable") return answer;
    if (answer.kind === "error") {
      const { code, status, detail } = answer;
      if (code === "NOSTATEMENTEXIST") return { kind: "none" };
      // 401: our own signature is not taken, which says nothing about the bill.
      return { kind: code === "STATEMENTCREATING" || status === 401 ? "unavailable" : "refused", detail };
    }
    const target = fileTarget(textOf(answer.body, "download_url"));
    if (target === undefined) return { kind: "bad", detail: "download_url is none of WeChat Pay's" };
    if (textOf(answer.body, "hash_type") !== "SHA1") return { kind: "bad", detail: "hash_type is not SHA1" };
    const downloaded = await caller.download(target, max.packed);
    if (downloaded.kind !== "ok") return downloaded;
    const plain = await unpacked(downloaded.bytes, max.bill);
    if (typeof plain === "string") return { kind: "bad", detail: plain };
    // The answer that named it is signed and the file is not: the hash is what makes it WeChat Pay's. It is that of the
    // unpacked file.
    const hash = await sha1(plain);
    if (hash !== textOf(answer.body, "hash_value").toLowerCase()) {
      return { kind: "bad", detail: "the file is not the one whose hash was named" };
    }
    const text = await utf8(plain);
    return text === undefined
      ? { kind: "bad", detail: "the file is no UTF-8" }
      : { kind: "bill", bill: text };
  }

  async function bill<T>(path: string, read: (text: string) => Promise<Read<T>>): Promise<Billed<T>> {
    const found = await file(path);
    if (found.kind !== "bill") return found;
    const table = await read(found.bill);
    return table.kind === "bad" ? table : { kind: "bill", bill: table.value };
  }

  return {
    tradeBill: (day) =>
      bill(`/v3/bill/tradebill?bill_date=${written(day)}&bill_type=ALL&tar_type=GZIP`, (text) =>
        readTradeBill(text, { day, mchId: of.account.mchId }),
      ),
    fundFlow: (day) =>
      bill(`/v3/bill/fundflowbill?bill_date=${written(day)}&account_type=BASIC&tar_type=GZIP`, (text) =>
        readFundFlow(text, { day }),
      ),
  };
}

/** Path and query of a file. It is fetched where the calls go, whatever host is named: nothing else gets our signature. */
function fileTarget(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { pathname, search } = new URL(url);
  return pathname.startsWith("/v3/billdownload/") ? pathname + search : undefined;
}

/** The plain file; a text says why there is none. A file that came unpacked, by a proxy say, is taken as it is. */
async function unpacked(bytes: Buffer, max: number): Promise<Buffer | string> {
  if (!bytes.subarray(0, 2).equals(GZIP)) return bytes;
  try {
    return await unpack(bytes, { maxOutputLength: max });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ERR_BUFFER_TOO_LARGE" ? `a bill over ${max} bytes` : `no whole gzip file (${code})`;
  }
}

/** Hashed and decoded at a stretch: about a millisecond. */
const STRETCH = 512 * 1024;

async function sha1(bytes: Buffer): Promise<string> {
  const hash = createHash("sha1");
  for (let at = 0; at < bytes.length; at += STRETCH) {
    if (at > 0) await giveWay();
    hash.update(bytes.subarray(at, at + STRETCH));
  }
  return hash.digest("hex");
}

async function utf8(bytes: Buffer): Promise<string | undefined> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  try {
    for (let at = 0; at < bytes.length; at += STRETCH) {
      if (at > 0) await giveWay();
      text += decoder.decode(bytes.subarray(at, at + STRETCH), { stream: true });
    }
    return text + decoder.decode();
  } catch {
    return undefined;
  }
}
