/** The first pause, which grows: most things have happened within a moment. */
const FIRST_PAUSE_MS = 20;
/** A session may make 300 calls a minute; a test that asks more often waits for the next minute. */
const LONGEST_PAUSE_MS = 250;

/** Asks again until the answer satisfies; throws with the last answer when the limit has passed. */
export async function until<T>(
  what: string,
  ask: () => Promise<T> | T,
  satisfied: (answer: T) => boolean,
  limitMs = 20_000,
): Promise<T> {
  const end = performance.now() + limitMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 1.5)) {
    let answer: T | undefined;
    let failure: unknown;
    try {
      answer = await ask();
      if (satisfied(answer)) return answer;
    } catch (error) {
      failure = error;
    }
    if (performance.now() > end) {
      throw new Error(
        `${what} did not happen within ${limitMs} ms; last: ${JSON.stringify(answer) ?? failure}`,
        {
          cause: failure,
        },
      );
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
