import { X509Certificate } from "node:crypto";
import type { Clock } from "@bluepower/protocol/clock";
import { jsonObject, objectOf, textOf } from "./json.ts";
import { parseRfc3339 } from "./rfc3339.ts";
import { openResource, type VerifyingKeys } from "./signing.ts";

/** A certificate of WeChat Pay as it hands it out. */
export interface PlatformCertificate {
  serial: string;
  pem: string;
  /** Epoch ms. */
  until: number;
}

/** WeChat Pay has two while it changes them. */
const CERTIFICATES_MAX = 20;

/**
 * Every key that WeChat Pay may sign with: those that are configured, which hold as long as they are, and certificates that were
 * learned, until they expire.
 */
export function platformKeys(
  configured: ReadonlyMap<string, string>,
  clock: Clock,
): VerifyingKeys & { add(certificates: readonly PlatformCertificate[]): void } {
  const learned = new Map<string, Omit<PlatformCertificate, "serial">>();
  return {
    get(serial) {
      const key = learned.get(serial);
      return configured.get(serial) ?? (key !== undefined && clock.now() < key.until ? key.pem : undefined);
    },
    add(certificates) {
      for (const [serial, { until }] of learned) if (clock.now() >= until) learned.delete(serial);
      for (const { serial, ...key } of certificates) learned.set(serial, key);
    },
  };
}

/**
 * The certificates of an answer of `/v3/certificates` that the APIv3 key opens, that have the serial under which they are handed
 * out, and that hold now. The answer's own signature is for the caller to verify.
 */
export function certificatesIn(body: string, of: { apiV3Key: string; now: number }): PlatformCertificate[] {
  const { data } = jsonObject(body) ?? {};
  if (!Array.isArray(data)) return [];
  return data.slice(0, CERTIFICATES_MAX).flatMap((entry: unknown) => {
    const given = objectOf({ entry }, "entry") ?? {};
    const sealed = objectOf(given, "encrypt_certificate") ?? {};
    const pem = openResource(of.apiV3Key, {
      nonce: textOf(sealed, "nonce"),
      associatedData: textOf(sealed, "associated_data"),
      ciphertext: textOf(sealed, "ciphertext"),
    });
    const read = pem === undefined ? undefined : certificate(pem);
    const serial = textOf(given, "serial_no");
    if (pem === undefined || read === undefined || read.serialNumber !== serial.toUpperCase()) return [];
    const from = parseRfc3339(textOf(given, "effective_time"));
    const until = parseRfc3339(textOf(given, "expire_time"));
    if (from === undefined || until === undefined) return [];
    return from <= of.now && of.now < until ? [{ serial, pem, until }] : [];
  });
}

function certificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}
