import { type Read, readForm, readJson } from "./parameters.ts";

/** A call has a dozen short parameters; encrypted phone data is the longest with about a kilobyte. */
export const BODY_MAX = 64 * 1024;

/** The whole body, or undefined when it is longer than `max`; of a longer one no more than that is kept. */
export async function readBody(request: Request, max: number): Promise<Uint8Array | undefined> {
  const length = request.headers.get("content-length");
  if (length !== null && Number(length) > max) return undefined;
  // With a length the server itself sees to it that no more comes.
  if (length !== null) return new Uint8Array(await request.arrayBuffer());
  const parts: Uint8Array[] = [];
  let size = 0;
  if (request.body === null) return new Uint8Array();
  for await (const part of request.body) {
    size += part.byteLength;
    if (size > max) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

const decoder = new TextDecoder("utf-8", { fatal: true });

export type ContentType = "json" | "form";

/** Undefined for what no method takes: another form, another character set than UTF-8, a compressed body. */
export function contentType(headers: Headers): ContentType | undefined {
  const [media, ...parameters] = (headers.get("content-type") ?? "")
    .toLowerCase()
    .split(";")
    .map((part) => part.trim());
  if (parameters.some((p) => p.startsWith("charset=") && !/^charset="?utf-?8"?$/.test(p))) return undefined;
  if (!["", "identity"].includes((headers.get("content-encoding") ?? "").trim().toLowerCase()))
    return undefined;
  if (media === "application/json") return "json";
  return media === "application/x-www-form-urlencoded" ? "form" : undefined;
}

export function readParameters(body: Uint8Array, type: ContentType): Read {
  let text: string;
  try {
    text = decoder.decode(body);
  } catch {
    return { problem: "the body is no UTF-8 text" };
  }
  return type === "json" ? readJson(text) : readForm(text);
}
