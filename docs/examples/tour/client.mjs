// How any client calls the cloud: sign, send, and keep a new call apart from the repeat of an old one.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

const { env } = process;
export const cloud = `http://127.0.0.1:${env.PORT ?? 8085}`;
const sandbox = `http://127.0.0.1:${env.SANDBOX_CONTROL_PORT ?? 8087}`;
/** DEMO0003 is the third of the demo chargers. */
const charger = `http://127.0.0.1:${Number(env.CHARGER_CONTROL_PORT ?? 8101) + 2}`;
export const apps = JSON.parse(readFileSync(`${env.DATA_DIR ?? "data"}/apps.json`, "utf8"));

export const pause = (ms) => new Promise((next) => setTimeout(next, ms));

async function post(url, body) {
  const form = body instanceof URLSearchParams;
  const answer = await fetch(url, {
    method: "POST",
    headers: { "content-type": form ? "application/x-www-form-urlencoded" : "application/json" },
    body: form ? body : JSON.stringify(body),
    signal: AbortSignal.timeout(20_000),
  });
  return await answer.json();
}

export const inSandbox = (what, body) => post(`${sandbox}/${what}`, body);
export const payInSandbox = (pay, notify) =>
  inSandbox("pay", { ...JSON.parse(pay.package), outcome: "success", notify });

export async function chargerState() {
  const answer = await fetch(`${charger}/state`, { signal: AbortSignal.timeout(5_000) });
  return await answer.json();
}

/** md5 over the parameters sorted by name, then the jam code; base64 of the 16 bytes. */
export function signed(app, own) {
  const all = { appId: app.appId, appKey: app.appKey, timestamp: Math.floor(Date.now() / 1000), ...own };
  const names = Object.keys(all).sort();
  const text = names.map((name) => name + all[name]).join("");
  const md5 = createHash("md5").update(text + app.jamCode);
  return { ...all, signature: md5.digest("base64") };
}

const sent = new Set();
/** A change that equals one of the same second would be taken as its repeat, so it waits for the next second. */
export async function fresh(app, method, own) {
  for (;;) {
    const body = signed(app, own);
    if (/^(get|query)/.test(method) || !sent.has(method + body.signature)) {
      sent.add(method + body.signature);
      return body;
    }
    await pause(50);
  }
}

export const path = (side, method) => `/oapi/bluepower_${side}/1_0/${method}`;
export const send = (side, method, body) => post(cloud + path(side, method), body);
