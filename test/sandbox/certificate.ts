import { createPrivateKey, createPublicKey, sign } from "node:crypto";
import type { Instant } from "@bluepower/protocol/clock";
import { wallTime } from "@bluepower/protocol/siteTime";

/** One element of DER: tag, length, content. */
function der(tag: number, ...content: Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  const hex = body.length.toString(16);
  const length = Buffer.from(hex.padStart(hex.length + (hex.length % 2), "0"), "hex");
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, body]);
}

const SEQUENCE = 0x30;
const SET = 0x31;
/** 1.2.840.113549.1.1.11 with NULL parameters, and 2.5.4.3. */
const SHA256_WITH_RSA = Buffer.from("300d06092a864886f70d01010b0500", "hex");
const COMMON_NAME = Buffer.from("0603550403", "hex");

const two = (n: number): string => String(n).padStart(2, "0");

function utcTime(at: Instant): Buffer {
  const w = wallTime(at, "UTC");
  const text = [w.year % 100, w.month, w.day, w.hour, w.minute, w.second].map(two).join("");
  return der(0x17, Buffer.from(`${text}Z`));
}

/**
 * A self-signed X.509 certificate in PEM: node:crypto reads certificates and makes none.
 * `serial` is hexadecimal with a first digit of 1 to 7 (a positive number without a leading zero byte);
 * the dates lie before 2050, as UTCTime demands.
 */
export function selfSigned(of: {
  privateKeyPem: string;
  serial: string;
  commonName: string;
  from: Instant;
  to: Instant;
}): string {
  const key = createPrivateKey(of.privateKeyPem);
  const name = der(
    SEQUENCE,
    der(SET, der(SEQUENCE, COMMON_NAME, der(0x0c, Buffer.from(of.commonName, "utf8")))),
  );
  const toBeSigned = der(
    SEQUENCE,
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from(of.serial, "hex")),
    SHA256_WITH_RSA,
    name,
    der(SEQUENCE, utcTime(of.from), utcTime(of.to)),
    name,
    createPublicKey(key).export({ type: "spki", format: "der" }),
  );
  const signature = der(0x03, Buffer.from([0]), sign("sha256", toBeSigned, key));
  const base64 = der(SEQUENCE, toBeSigned, SHA256_WITH_RSA, signature).toString("base64");
  const lines = base64.match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}
