/** What test and probe say to each other: lines of JSON on a unix socket that the test listens on. */

/** Where the test listens; a program without it in its environment is left alone. */
export const SOCKET = "KILL_PROBE_SOCKET";

export type Program = "cloud" | "gateway" | "ble-worker";
export const PROGRAMS: readonly Program[] = ["cloud", "gateway", "ble-worker"];

export type When = "before" | "after";

/** The `n`th time that what is called `label` happens since the program was told to watch. */
export interface Place {
  label: string;
  n: number;
  when: When;
}

export type ToProbe =
  /** Counts from now on, and stops at the place, where there is one. */
  { kind: "watch"; stopAt: Place | null } | { kind: "rest" };

export type FromProbe =
  | { kind: "hello"; program: Program; pid: number }
  /** The last request is carried out. */
  | { kind: "ready" }
  /** These are about to happen, all in one act. */
  | { kind: "points"; labels: string[] }
  /** The program stands still at the place. */
  | { kind: "stands" };
