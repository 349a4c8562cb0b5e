import { createCipheriv } from "node:crypto";

/** AEAD_AES_256_GCM of WeChat Pay: base64 of ciphertext and tag; key of 32, nonce of 12 characters. */
export function encryptGcm(of: {
  key: string;
  nonce: string;
  associatedData: string;
  plaintext: string;
}): string {
  const cipher = createCipheriv("aes-256-gcm", Buffer.from(of.key), Buffer.from(of.nonce));
  cipher.setAAD(Buffer.from(of.associatedData));
  return Buffer.concat([cipher.update(of.plaintext, "utf8"), cipher.final(), cipher.getAuthTag()]).toString(
    "base64",
  );
}

/** The `encryptedData` of a mini-program: AES-128-CBC with PKCS#7, all three texts base64. */
export function encryptForMiniProgram(of: { sessionKey: string; iv: string; plaintext: string }): string {
  const cipher = createCipheriv(
    "aes-128-cbc",
    Buffer.from(of.sessionKey, "base64"),
    Buffer.from(of.iv, "base64"),
  );
  return Buffer.concat([cipher.update(of.plaintext, "utf8"), cipher.final()]).toString("base64");
}
