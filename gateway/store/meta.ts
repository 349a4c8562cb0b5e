import type { Sqlite } from "./database.ts";

type Key = "stream" | "acknowledged" | "timeFloor";

/** Single values. */
export class Meta {
  readonly #get;
  readonly #set;

  constructor(db: Sqlite) {
    this.#get = db.prepare<[string], string>("select value from meta where key = ?").pluck();
    this.#set = db.prepare<[string, string]>(
      "insert into meta (key, value) values (?, ?) on conflict (key) do update set value = excluded.value",
    );
  }

  get(key: Key): string | undefined {
    return this.#get.get(key);
  }

  set(key: Key, value: string): void {
    this.#set.run(key, value);
  }
}
