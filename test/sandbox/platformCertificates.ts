import { type Clock, instant } from "@bluepower/protocol/clock";
import type { Random } from "@bluepower/protocol/random";
import { newCertificate, type Platform } from "./credentials.ts";
import type { Store } from "./store.ts";

export type Certificate = Platform["certificate"];

/** The certificates of WeChat Pay: the newest signs, and all are handed out until they expire. */
export interface PlatformCertificates {
  newest(): Certificate;
  /** The newest first. */
  all(): Certificate[];
  /** Makes a new one, which signs from now on. */
  rotate(): Promise<Certificate>;
}

export function platformCertificates(of: {
  first: Certificate;
  store: Store;
  clock: Clock;
  random: Random;
}): PlatformCertificates {
  const made = of.store.table<Certificate>("certificate");
  const all = (): Certificate[] =>
    [of.first, ...made.values()].filter((c) => of.clock.now() < c.to).toReversed();
  return {
    newest: () => all()[0] ?? of.first,
    all,
    async rotate() {
      const certificate = await newCertificate(of.random, instant(of.clock.now()));
      made.set(certificate.serial, certificate);
      return certificate;
    },
  };
}
