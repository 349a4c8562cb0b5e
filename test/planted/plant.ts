/** A mistake that somebody could make, and the test that says so. */
export interface Plant {
  name: string;
  file: string;
  /** Text that occurs once in the file, and what the mistake puts in its place. */
  find: string;
  plant: string;
  /** Further places of the same mistake in the same file. */
  and?: readonly { find: string; plant: string }[];
  /** `test` is a title, behind ` > ` that of one case; each stands as it is written here in the test's file, or in `titles`. */
  caught: { file: string; test: string; titles?: string };
  /** Other files with tests that fail of it, as far as tried; the world and tests with real processes were not. */
  elsewhere?: readonly string[];
}

const edits = ({ find, plant, and = [] }: Plant) => [{ find, plant }, ...and];

/** The file's text with the mistake in it. Throws when a place is not found, or found more than once: the table is then out of date. */
export function planted(plant: Plant, text: string): string {
  return edits(plant).reduce((changed, { find, plant: put }) => {
    const times = changed.split(find).length - 1;
    if (times !== 1) throw new Error(`${plant.name}: found ${times} times in ${plant.file}: ${find}`);
    return changed.replace(find, () => put);
  }, text);
}

/** The parts of the caught test's title. */
export const titleParts = (plant: Plant): string[] => plant.caught.test.split(" > ");
