/** Lets everything else that waits have its turn: a bill has two hundred thousand rows, and phones are not to wait for them. */
export const giveWay = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The members of a list in lists of at most `size`, with a turn of the others between two. */
export async function* pieces<T>(all: Iterable<T>, size: number): AsyncGenerator<T[]> {
  let piece: T[] = [];
  for (const one of all) {
    if (piece.length === size) {
      yield piece;
      piece = [];
      await giveWay();
    }
    piece.push(one);
  }
  if (piece.length > 0) yield piece;
}
