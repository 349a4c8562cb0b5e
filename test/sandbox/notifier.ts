import { type Clock, type Instant, instant, millis, type Timer } from "@bluepower/protocol/clock";
import { BASE62, type Random, text } from "@bluepower/protocol/random";
import { encryptGcm } from "./cipher.ts";
import { type PaySignature, type Signer, spoiled } from "./paySignature.ts";
import type { Store } from "./store.ts";
import type { Event } from "./transactionView.ts";

/** `genuine` is repeated until it is taken; the others are one attempt that a merchant must refuse. */
export type Variant = "genuine" | "tampered" | "wrong-serial" | "old-timestamp" | "signtest";

/** WeChat repeats a notification that was not taken after these seconds: 15 times within 24 hours. */
const REPEATS_AFTER = [
  15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10_800, 10_800, 10_800, 21_600, 21_600,
];

/** The merchant has to answer within this time. Not scaled: it is real time of a real connection. */
const ANSWER_WITHIN = millis(5000);

/** When so many wait, a new one is given up at once: the merchant asks for the state anyway. */
const UNFINISHED_MAX = 10_000;

/** Finished ones are remembered up to this number for `GET /notifications`; the oldest goes first. */
const FINISHED_MAX = 1000;

export interface Delivery {
  at: number;
  /** HTTP status, or why there is none. */
  result: number | "timeout" | "unreachable";
}

export interface Notification {
  id: string;
  url: string;
  signer: Signer;
  variant: Variant;
  event: Event;
  deliveries: Delivery[];
  nextAt: Instant;
  state: "waiting" | "taken" | "given up";
}

/** Sends encrypted and signed notifications and goes on with the unfinished ones after a restart. */
export class Notifier {
  readonly #of: {
    store: Store;
    clock: Clock;
    random: Random;
    signature: PaySignature;
    apiV3Key: string;
    scale: number;
    log: (line: string) => void;
  };
  readonly #unfinished;
  readonly #finished: Notification[] = [];
  readonly #timers = new Map<string, Timer>();
  readonly #sending = new Map<AbortController, Timer>();
  #closed = false;

  /** `scale` multiplies every delay between attempts: 0.001 lets 24 hours pass in 86 seconds. */
  constructor(of: {
    store: Store;
    clock: Clock;
    random: Random;
    signature: PaySignature;
    apiV3Key: string;
    scale: number;
    log: (line: string) => void;
  }) {
    this.#of = of;
    this.#unfinished = of.store.table<Notification>("notification");
    for (const notification of this.#unfinished.values()) this.#schedule(keyOf(notification), notification);
  }

  /** `delaySeconds` is scaled as the repeats are. `copies` go out at the same time under one id. */
  send(of: {
    url: string;
    signer: Signer;
    event: Event;
    variant?: Variant;
    delaySeconds?: number;
    copies?: number;
  }): void {
    const id = uuid(this.#of.random);
    for (let copy = 0; copy < (of.copies ?? 1); copy++) {
      const notification: Notification = {
        id,
        url: of.url,
        signer: of.signer,
        variant: of.variant ?? "genuine",
        event: of.event,
        deliveries: [],
        nextAt: this.#in(of.delaySeconds ?? 0),
        state: "waiting",
      };
      if (this.#unfinished.size < UNFINISHED_MAX) this.#schedule(keyOf(notification, copy), notification);
      else this.#of.log(`notification ${of.event.eventType} given up: ${UNFINISHED_MAX} wait already`);
    }
  }

  /** All that wait and the finished ones that are remembered. */
  list(): Notification[] {
    return [...this.#finished, ...this.#unfinished.values()];
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#timers.values()) timer.cancel();
    for (const [sending, timer] of this.#sending) {
      timer.cancel();
      sending.abort();
    }
  }

  #in(seconds: number): Instant {
    return instant(this.#of.clock.now() + seconds * 1000 * this.#of.scale);
  }

  #schedule(key: string, notification: Notification): void {
    this.#unfinished.set(key, notification);
    const delay = millis(Math.max(0, notification.nextAt - this.#of.clock.now()));
    this.#timers.set(
      key,
      this.#of.clock.after(delay, "sandbox: notification", () => this.#attempt(key, notification)),
    );
  }

  async #attempt(key: string, notification: Notification): Promise<void> {
    this.#timers.delete(key);
    const at = this.#of.clock.now();
    const result = await this.#post(notification);
    // What the merchant answered while the sandbox stopped is not known: the next start sends it again.
    if (this.#closed) return;
    const deliveries = [...notification.deliveries, { at, result }];
    const taken = result === 200 || result === 204;
    const pause = notification.variant === "genuine" ? REPEATS_AFTER[deliveries.length - 1] : undefined;
    if (!taken && pause !== undefined) {
      this.#schedule(key, { ...notification, deliveries, nextAt: this.#in(pause) });
      return;
    }
    this.#unfinished.delete(key);
    this.#finished.push({ ...notification, deliveries, state: taken ? "taken" : "given up" });
    if (this.#finished.length > FINISHED_MAX) this.#finished.shift();
    const what = `${notification.variant} notification ${notification.event.eventType}`;
    this.#of.log(`${what}: ${taken ? "taken" : "given up"} after ${deliveries.length} (${result})`);
  }

  async #post(notification: Notification): Promise<Delivery["result"]> {
    const { body, headers } = this.#message(notification);
    const sending = new AbortController();
    let late = false;
    const deadline = this.#of.clock.after(ANSWER_WITHIN, "sandbox: answer to a notification", () => {
      late = true;
      sending.abort();
    });
    this.#sending.set(sending, deadline);
    try {
      const answer = await fetch(notification.url, {
        method: "POST",
        redirect: "manual",
        headers: { ...headers, "Content-Type": "application/json", "User-Agent": "Mozilla/4.0" },
        body,
        signal: sending.signal,
      });
      await answer.arrayBuffer();
      return answer.status;
    } catch {
      return late ? "timeout" : "unreachable";
    } finally {
      deadline.cancel();
      this.#sending.delete(sending);
    }
  }

  #message(notification: Notification): { body: string; headers: Record<string, string> } {
    const { event, variant, signer } = notification;
    const { signature, random, apiV3Key } = this.#of;
    const nonce = text(random, 12, BASE62);
    const body = JSON.stringify({
      id: notification.id,
      create_time: event.createTime,
      resource_type: "encrypt-resource",
      event_type: event.eventType,
      summary: event.summary,
      resource: {
        original_type: event.originalType,
        algorithm: "AEAD_AES_256_GCM",
        ciphertext: encryptGcm({
          key: apiV3Key,
          nonce,
          associatedData: event.originalType,
          plaintext: event.plaintext,
        }),
        associated_data: event.originalType,
        nonce,
      },
    });
    const headers = signature.headers(signer, body, variant === "old-timestamp" ? 600 : 0);
    switch (variant) {
      case "genuine":
      case "old-timestamp":
        return { body, headers };
      case "tampered":
        // Still JSON of the right form, but not the one that was signed.
        return { body: body.replace('"id":"', '"id":"0'), headers };
      case "wrong-serial":
        return { body, headers: { ...headers, "Wechatpay-Serial": `PUB_KEY_ID_${"9".repeat(34)}` } };
      case "signtest":
        return {
          body,
          headers: {
            ...headers,
            "Wechatpay-Signature": `WECHATPAY/SIGNTEST/${spoiled(headers)["Wechatpay-Signature"]}`,
          },
        };
    }
  }
}

const keyOf = (notification: Notification, copy = 0): string => `${notification.id}/${copy}`;

const uuid = (random: Random): string =>
  [8, 4, 4, 4, 12].map((length) => text(random, length, "0123456789abcdef")).join("-");
