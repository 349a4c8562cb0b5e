import type { OrderState } from "../database/schema.ts";

/** What can be said of an order by whoever knows: its gateway, or the time for a charger without one. */
export type WordKind = "started" | "failed" | "cancelled" | "finished";

/**
 * What is done about a word, by the order's state. Every pair is decided:
 * - `begin`: the port supplies, the order is charging;
 * - `drop`: it never began (or is off again), nothing is owed, the port is free;
 * - `finish`: it has ended and is billed by what it gave, the port is free;
 * - `correct`: it had ended; minutes and bill follow the later word;
 * - `switch_off`: its user was told that it is cancelled: it is stopped and never billed;
 * - `free`: nothing changes but that the port is free, because the gateway has spoken;
 * - `nothing`: known, or overtaken by what is known.
 */
export type Move = "begin" | "drop" | "finish" | "correct" | "switch_off" | "free" | "nothing";

export const moves = {
  starting: { started: "begin", failed: "drop", cancelled: "drop", finished: "finish" },
  // The gateway takes a confirmation back: the charge is not billed, what was paid goes back.
  charging: { started: "nothing", failed: "drop", cancelled: "drop", finished: "finish" },
  finished: { started: "nothing", failed: "nothing", cancelled: "nothing", finished: "correct" },
  cancelled: { started: "switch_off", failed: "free", cancelled: "free", finished: "free" },
} as const satisfies Record<OrderState, Record<WordKind, Move>>;
