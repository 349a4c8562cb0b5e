/** Epoch milliseconds of wall time. It may jump: a Raspberry Pi has no clock battery. For records only. */
export type Instant = number & { readonly __unit: "epoch ms" };

/** A span in milliseconds, or a reading of the monotonic clock. */
export type Millis = number & { readonly __unit: "ms" };

export const instant = (epochMs: number): Instant => epochMs as Instant;
export const millis = (n: number): Millis => n as Millis;
export const seconds = (n: number): Millis => (n * 1000) as Millis;

export interface Timer {
  cancel(): void;
}

/**
 * The only source of time. A real one (`systemClock`) and a simulated one (`SimulatedClock`) exist,
 * so that a whole world of programs runs on simulated time.
 */
export interface Clock {
  /** Wall time, may jump: for records, timestamps on a wire, expiry dates. */
  now(): Instant;
  /** Monotonic: for every timeout and interval. */
  uptime(): Millis;
  /**
   * Runs once after `delay`. The label names the timer in traces.
   * A rejected promise of `run` is an unhandled rejection: `run` deals with its own failures.
   */
  after(delay: Millis, label: string, run: () => void | Promise<void>): Timer;
}

/** Resolves after `delay`. */
export function wait(clock: Clock, delay: Millis, label: string): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delay, label, () => resolve());
  });
}

export type Timed<T> = { kind: "done"; value: T } | { kind: "timeout" };

/**
 * Races a promise against a deadline. The loser is not cancelled; its later rejection is swallowed
 * here, because by then nobody waits for it.
 */
export function withDeadline<T>(
  clock: Clock,
  delay: Millis,
  label: string,
  work: Promise<T>,
): Promise<Timed<T>> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(delay, label, () => resolve({ kind: "timeout" }));
    work.then(
      (value) => {
        timer.cancel();
        resolve({ kind: "done", value });
      },
      (error) => {
        timer.cancel();
        reject(error);
      },
    );
  });
}
