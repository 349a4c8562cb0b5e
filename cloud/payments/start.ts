import type { Clock } from "@bluepower/protocol/clock";
import type { Random } from "@bluepower/protocol/random";
import type { Logger } from "pino";
import type { Db } from "../database/database.ts";
import { transaction } from "../database/open.ts";
import { fixCoinValue } from "../ledger/coins.ts";
import { takeNotification } from "./notifications.ts";
import { type PayWorld, prepare } from "./outside.ts";
import type { PaymentProvider, Payments } from "./payments.ts";
import type { Shipper } from "./shipping.ts";
import { closeOpen, paymentResult } from "./states.ts";
import { startSweeper } from "./sweeper.ts";

/**
 * Starts the payments: fixes the value of a coin at the first start and settles what stayed open since the last one.
 * Throws when another value of a coin was fixed before.
 */
export async function startPayments(of: {
  db: Db;
  clock: Clock;
  random: Random;
  log: Logger;
  provider: PaymentProvider;
  /** Who is told that what was paid for is delivered; nobody without it. */
  shipper?: Shipper;
  /** Fen for one coin, COIN_FEN. */
  coinFen: number;
}): Promise<Payments> {
  const fixed = await transaction(of.db, (tx) => fixCoinValue(tx, of.coinFen));
  if (fixed.kind === "differs") {
    throw new Error(`COIN_FEN was ${fixed.fixed} at the first start and must stay so, not ${of.coinFen}`);
  }
  const { db, clock, log, provider } = of;
  const world: PayWorld = { db, clock, log, provider, shipper: of.shipper ?? null };
  const sweeper = startSweeper(world);
  return {
    provider: of.provider,
    prepare: (attempt) => prepare(world, attempt),
    closeOpen: (subject) => closeOpen(world, subject),
    result: (purpose, subject) => paymentResult(world, purpose, subject),
    async notified(about, headers, rawBody) {
      const taken = await takeNotification(world, { about, headers, rawBody });
      if (taken.kind === "taken") sweeper.wake();
      return taken;
    },
    wake: sweeper.wake,
    stop: sweeper.stop,
  };
}
