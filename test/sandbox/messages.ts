import type { Clock } from "@bluepower/protocol/clock";

/** A message that a person would have got on the phone. `to` is a phone number (sms) or an openid (subscribe). */
export interface Message {
  kind: "sms" | "subscribe";
  to: string;
  /** The template's values by name. */
  params: Record<string, string>;
  /** Epoch milliseconds. */
  at: number;
  template: string;
  page?: string;
}

/** The box keeps this many messages; the oldest goes first. */
const MESSAGES_MAX = 10_000;

export interface Messages {
  add(message: Omit<Message, "at">): void;
  /** Oldest first. */
  list(): Message[];
}

export function messages(clock: Clock): Messages {
  const box: Message[] = [];
  return {
    add(message) {
      box.push({ ...message, at: clock.now() });
      if (box.length > MESSAGES_MAX) box.shift();
    },
    list: () => [...box],
  };
}
