import { type Clock, seconds } from "@bluepower/protocol/clock";

/** A caller that is left without an answer is let go after this time at the latest. */
const STALL_MAX = seconds(60);

/** Leaves callers without an answer, as a connection does that died after the other side had done its work. */
export interface Stall {
  /** Resolves when the caller has gone away, when the sandbox closes, or after a minute. */
  until(callerGone: AbortSignal): Promise<void>;
  close(): void;
}

export function stall(clock: Clock): Stall {
  const waiting = new Set<() => void>();
  return {
    until: (callerGone) =>
      new Promise((resolve) => {
        const end = (): void => {
          timer.cancel();
          callerGone.removeEventListener("abort", end);
          waiting.delete(end);
          resolve();
        };
        const timer = clock.after(STALL_MAX, "sandbox: caller left without an answer", end);
        waiting.add(end);
        if (callerGone.aborted) end();
        else callerGone.addEventListener("abort", end);
      }),
    close() {
      for (const end of [...waiting]) end();
    },
  };
}
