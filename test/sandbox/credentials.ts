import { generateKeyPair } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Instant, instant } from "@bluepower/protocol/clock";
import { BASE62, type Random, text } from "@bluepower/protocol/random";
import { selfSigned } from "./certificate.ts";
import { writeWhole } from "./store.ts";

/**
 * What a merchant would hold: the whole content of `DATA_DIR/sandbox/credentials.json` (0600). It is made
 * at the first start and stays; whoever talks to the sandbox (the cloud under `npm start`, a test) reads it.
 */
export interface Credentials {
  merchant: {
    /** Ten digits. */
    mchid: string;
    /** Serial number of the merchant's certificate, 40 hexadecimal digits: `serial_no` of a request. */
    serial: string;
    /** PKCS#8. */
    privateKeyPem: string;
    /** 32 characters, the AES key of notifications and certificates. */
    apiV3Key: string;
    /** `PUB_KEY_ID_…`: the serial under which the key below signs. */
    wechatPayPublicKeyId: string;
    /** SPKI. */
    wechatPayPublicKeyPem: string;
  };
  apps: Record<AppName, { appid: string; secret: string }>;
  sms: { accessKeyId: string; accessKeySecret: string; signName: string; templateCode: string };
}

export type AppName = "user" | "manager";
export const APP_NAMES = ["user", "manager"] as const satisfies readonly AppName[];

/** WeChat Pay's own side, in `DATA_DIR/sandbox/platform.json` (0600): no merchant ever sees the keys. */
export interface Platform {
  publicKeyModePrivateKeyPem: string;
  certificate: { serial: string; pem: string; privateKeyPem: string; from: Instant; to: Instant };
  /** The merchant's public key, SPKI, as it would be taken from the certificate the merchant handed in. */
  merchantPublicKeyPem: string;
}

export interface Identity {
  credentials: Credentials;
  platform: Platform;
}

const FIVE_YEARS = 5 * 365 * 24 * 3600 * 1000;
const HEX = "0123456789ABCDEF";
const DIGITS = "0123456789";

/**
 * Reads the identity kept in `folder`, or makes one (and keeps it when a folder is given).
 * Throws when a kept file is damaged.
 */
export async function identity(of: { folder?: string; random: Random; now: Instant }): Promise<Identity> {
  const { folder } = of;
  if (folder === undefined) return await make(of.random, of.now);
  const credentialsFile = join(folder, "credentials.json");
  const platformFile = join(folder, "platform.json");
  if (existsSync(credentialsFile)) {
    return { credentials: readJson(credentialsFile), platform: readJson(platformFile) };
  }
  const made = await make(of.random, of.now);
  // The merchant's file comes last: where it is, the other one is too.
  writeWhole(platformFile, `${JSON.stringify(made.platform, undefined, 2)}\n`);
  writeWhole(credentialsFile, `${JSON.stringify(made.credentials, undefined, 2)}\n`);
  return made;
}

function readJson<T>(file: string): T {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as T;
  } catch (cause) {
    throw new Error(`${file} is missing or damaged: remove the folder to begin with an empty sandbox`, {
      cause,
    });
  }
}

async function make(random: Random, now: Instant): Promise<Identity> {
  const [merchant, publicKeyMode, certificate] = await Promise.all([
    keyPair(),
    keyPair(),
    newCertificate(random, now),
  ]);
  const app = (): { appid: string; secret: string } => ({
    appid: `wx${text(random, 16, HEX.toLowerCase())}`,
    secret: text(random, 32, HEX.toLowerCase()),
  });
  return {
    credentials: {
      merchant: {
        mchid: `1900${text(random, 6, DIGITS)}`,
        serial: `5${text(random, 39, HEX)}`,
        privateKeyPem: merchant.privateKey,
        apiV3Key: text(random, 32, BASE62),
        wechatPayPublicKeyId: `PUB_KEY_ID_${text(random, 34, DIGITS)}`,
        wechatPayPublicKeyPem: publicKeyMode.publicKey,
      },
      apps: { user: app(), manager: app() },
      sms: {
        accessKeyId: `LTAI${text(random, 20, BASE62)}`,
        accessKeySecret: text(random, 30, BASE62),
        signName: "沙箱",
        templateCode: `SMS_${text(random, 9, DIGITS)}`,
      },
    },
    platform: {
      publicKeyModePrivateKeyPem: publicKeyMode.privateKey,
      certificate,
      merchantPublicKeyPem: merchant.publicKey,
    },
  };
}

/** A certificate of WeChat Pay with a key of its own. */
export async function newCertificate(random: Random, now: Instant): Promise<Platform["certificate"]> {
  const { privateKey: privateKeyPem } = await keyPair();
  // A first digit of 4 keeps the number positive and without a leading zero, as a DER integer wants it.
  const serial = `4${text(random, 39, HEX)}`;
  const from = instant(now - 24 * 3600 * 1000);
  const to = instant(now + FIVE_YEARS);
  const pem = selfSigned({ privateKeyPem, serial, commonName: "SANDBOX of WeChat Pay", from, to });
  return { serial, pem, privateKeyPem, from, to };
}

const generate = promisify(generateKeyPair);

const keyPair = (): Promise<{ publicKey: string; privateKey: string }> =>
  generate("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
