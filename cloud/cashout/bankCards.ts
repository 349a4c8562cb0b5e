import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import { closeSync, fsyncSync, linkSync, openSync, rmSync, writeSync } from "node:fs";
import type { Db } from "../database/database.ts";
import { readSecret } from "../secretFile.ts";

/** Bank card numbers are kept sealed; only the batch for the bank opens them (spec 2, "Cash-out"). */
export interface BankCards {
  seal(card: string): string;
  /** Throws when it was sealed with a key that is not there, or altered. */
  open(sealed: string): string;
}

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Enough to tell the keys of one file apart, and nothing that a key is guessed by. */
const ID_BYTES = 4;
/** `v2:`, the id of the key, nonce, tag and number; the older `v1:` names no key. */
const FORM = /^(?:v1|v2:([0-9a-f]{8})):([0-9A-Za-z+/]+={0,2})$/;

interface Key {
  id: string;
  key: Buffer;
}

/**
 * The keys in `file`, as `bankCards` takes them. Where there is no file, one with a key is made, but not where cash-outs
 * are stored: their key is somewhere else then, and a second one would be found out when the first batch is due.
 */
export async function bankCardsOf(db: Db, file: string): Promise<BankCards> {
  const stored = await db.selectFrom("cashout_info").select("cashOutId").limit(1).executeTakeFirst();
  return bankCards(file, { mayMake: stored === undefined });
}

/**
 * Seals with AES-256-GCM under the last key in `file` (64 hex characters a line, newest last) and opens with all of them. The
 * file is made, readable by its owner only, where there is none and it may be. Throws when it cannot be used.
 */
export function bankCards(file: string, { mayMake }: { mayMake: boolean }): BankCards {
  const keys = readKeys(file, mayMake);
  const newest = keys.at(-1);
  if (newest === undefined) throw new Error(`BANK_KEY_FILE ${file} is empty`);
  return {
    seal(card) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", newest.key, nonce);
      const sealed = Buffer.concat([cipher.update(card, "utf8"), cipher.final()]);
      return `v2:${newest.id}:${Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString("base64")}`;
    },
    open(sealed) {
      const [, id, text = ""] = FORM.exec(sealed) ?? [];
      const bytes = Buffer.from(text, "base64");
      if (bytes.length <= NONCE_BYTES + TAG_BYTES) {
        throw new Error("a bank card number is not sealed in a known form");
      }
      const fitting = id === undefined ? keys : keys.filter((k) => k.id === id);
      if (id !== undefined && fitting.length === 0) {
        throw new Error(
          `a bank card number was sealed with the key ${id}, which is not in BANK_KEY_FILE ${file}`,
        );
      }
      for (const { key } of fitting) {
        const card = openWith(key, bytes);
        if (card !== undefined) return card;
      }
      const why =
        id === undefined ? "was sealed with a key that is not in" : "was altered: it fits no key of";
      throw new Error(`a bank card number ${why} BANK_KEY_FILE ${file}`);
    },
  };
}

function openWith(key: Buffer, bytes: Buffer): string | undefined {
  const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, NONCE_BYTES));
  decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
  try {
    const opened = [decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()];
    return Buffer.concat(opened).toString("utf8");
  } catch {
    // Another key, or an altered number: GCM does not say which.
    return undefined;
  }
}

function readKeys(file: string, mayMake: boolean): Key[] {
  const there = readSecret(file);
  if (!("problem" in there)) return parseKeys(there.text, file);
  if (!there.missing) throw new Error(`BANK_KEY_FILE ${there.problem}`);
  if (!mayMake) {
    throw new Error(
      `BANK_KEY_FILE ${file} is missing, and cash-outs with sealed card numbers are stored: put it back, or name where it is. ` +
        "If it is lost, a new key (64 hex characters, chmod 600) in its place lets the cloud start; cash-outs that wait then have to fail, and their managers ask again.",
    );
  }
  make(file);
  const made = readSecret(file);
  if ("problem" in made) throw new Error(`BANK_KEY_FILE ${made.problem}`);
  return parseKeys(made.text, file);
}

/** The file has its key as soon as it has its name: a start that is killed leaves none, or a whole one. */
function make(file: string): void {
  const part = `${file}.${process.pid}.part`;
  rmSync(part, { force: true });
  const made = openSync(part, "wx", 0o600);
  writeSync(made, `${randomBytes(KEY_BYTES).toString("hex")}\n`);
  // Without it every card would be lost: it has to be on the disk before the first is sealed.
  fsyncSync(made);
  closeSync(made);
  try {
    linkSync(part, file);
  } catch (error) {
    // Another process was faster.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  rmSync(part);
}

function parseKeys(text: string, file: string): Key[] {
  const lines = text.split("\n").map((line) => line.trim());
  return lines
    .filter((line) => line !== "")
    .map((hex) => {
      if (!/^[0-9a-f]{64}$/i.test(hex)) {
        throw new Error(`BANK_KEY_FILE ${file} holds keys of 64 hex characters, one a line`);
      }
      const key = Buffer.from(hex, "hex");
      return {
        id: createHash("sha256")
          .update(key)
          .digest("hex")
          .slice(0, 2 * ID_BYTES),
        key,
      };
    });
}

/** 6222021234567890 as 6222********7890; of a short number the last four alone. */
export function maskCard(card: string): string {
  const head = card.length < 12 ? "" : card.slice(0, 4);
  return head + "*".repeat(card.length - head.length - 4) + card.slice(-4);
}
