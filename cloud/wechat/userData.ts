import { createDecipheriv } from "node:crypto";

/**
 * What a mini-program hands over encrypted (`encryptedData`, `iv`): AES-128-CBC with the session key, then JSON.
 * Undefined for all that can be wrong, so that an answer tells nothing about the key.
 */
export function decryptUserData(of: { sessionKey: string; encryptData: string; iv: string }): unknown {
  const key = Buffer.from(of.sessionKey, "base64");
  const iv = Buffer.from(of.iv, "base64");
  const data = Buffer.from(of.encryptData, "base64");
  if (key.length !== 16 || iv.length !== 16 || data.length === 0 || data.length % 16 !== 0) return undefined;
  try {
    const decipher = createDecipheriv("aes-128-cbc", key, iv);
    return JSON.parse(Buffer.concat([decipher.update(data), decipher.final()]).toString("utf8"));
  } catch {
    return undefined;
  }
}
