import { type Clock, type Millis, millis, type Timer } from "@bluepower/protocol/clock";
import type { Job } from "./charger.ts";
import type { ChargerSession, Urgency, UseOutcome } from "./chargers.ts";

/** Work whose session was taken away ends at once unless it waits for something else. */
const GRACE = millis(100);

/**
 * A request for a charger as the scheduler keeps it, and its outcome, which comes at the deadline at the latest.
 * Work that has begun by then has its session taken away: it ends with what it knows, a `no_reply` included, and that
 * is the outcome; only work that waits for something else is given up. What the work throws rejects the outcome.
 */
export function newJob<T>(
  clock: Clock,
  of: {
    urgency: Urgency;
    deadline: Millis;
    label: string;
    work: (session: ChargerSession) => Promise<T>;
    /** Called when the deadline passes before the work has begun: takes the job out of its queue and says why. */
    expired: (job: Job) => string;
  },
): { job: Job; outcome: Promise<UseOutcome<T>> } {
  let resolve: (outcome: UseOutcome<T>) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const outcome = new Promise<UseOutcome<T>>((settled, failed) => {
    resolve = settled;
    reject = failed;
  });
  let release: () => void = () => {};
  const free = new Promise<void>((settled) => {
    release = settled;
  });
  let revoke: (() => void) | undefined;
  let timer: Timer | undefined;
  const settled = (): void => {
    timer?.cancel();
    release();
  };
  const job: Job = {
    urgency: of.urgency,
    label: of.label,
    run(lease) {
      revoke = lease.revoke;
      of.work(lease.session)
        .then(
          (value) => resolve({ kind: "done", value }),
          (error) => reject(error),
        )
        .finally(settled);
      return free;
    },
    fail(detail) {
      resolve({ kind: "unreachable", detail });
      settled();
    },
  };
  timer = clock.after(of.deadline, of.label, () => {
    if (revoke === undefined) {
      job.fail(of.expired(job));
      return;
    }
    revoke();
    timer = clock.after(GRACE, `${of.label}: end of work`, () =>
      job.fail("the deadline passed while the charger was being asked"),
    );
  });
  return { job, outcome };
}
