import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";

/** Bank card numbers are kept sealed; only the batch for the bank opens them (spec 2, "Cash-out"). */
export interface BankCards {
  seal(card: string): string;
  /** Throws when it was sealed with another key, or altered. */
  open(sealed: string): string;
}

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Names the form, so that another one can come later. */
const PREFIX = "v1:";

/**
 * Seals with AES-256-GCM under the key in `file` (64 hex characters), which is made, readable by its owner only, where there
 * is none. Throws when the file holds no key.
 */
export function bankCards(file: string): BankCards {
  const key = readKey(file);
  return {
    seal(card) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", key, nonce);
      const sealed = Buffer.concat([cipher.update(card, "utf8"), cipher.final()]);
      return PREFIX + Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString("base64");
    },
    open(sealed) {
      const bytes = Buffer.from(sealed.slice(PREFIX.length), "base64");
      if (!sealed.startsWith(PREFIX) || bytes.length <= NONCE_BYTES + TAG_BYTES) {
        throw new Error("a bank card number is not sealed in a known form");
      }
      const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, NONCE_BYTES));
      decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      try {
        const opened = [decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()];
        return Buffer.concat(opened).toString("utf8");
      } catch (cause) {
        throw new Error("a bank card number was sealed with another key than that of BANK_KEY_FILE", {
          cause,
        });
      }
    },
  };
}

function readKey(file: string): Buffer {
  try {
    return parseKey(readFileSync(file, "utf8"), file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const text = randomBytes(KEY_BYTES).toString("hex");
  try {
    const made = openSync(file, "wx", 0o600);
    writeSync(made, `${text}\n`);
    // Without it every card would be lost: it has to be on the disk before the first is sealed.
    fsyncSync(made);
    closeSync(made);
  } catch (error) {
    // Another process was faster.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  return parseKey(readFileSync(file, "utf8"), file);
}

function parseKey(text: string, file: string): Buffer {
  const hex = text.trim();
  if (!/^[0-9a-f]{64}$/i.test(hex)) throw new Error(`BANK_KEY_FILE ${file} holds 64 hex characters`);
  return Buffer.from(hex, "hex");
}

/** 6222021234567890 as 6222********7890; of a short number the last four alone. */
export function maskCard(card: string): string {
  const head = card.length < 12 ? "" : card.slice(0, 4);
  return head + "*".repeat(card.length - head.length - 4) + card.slice(-4);
}
