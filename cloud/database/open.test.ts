import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Sqlite from "better-sqlite3";
import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { migrations } from "./migrations.ts";
import { type OpenDatabase, openDatabase, transaction } from "./open.ts";

let folder: string;
let open: OpenDatabase[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "bluepower-database-"));
  open = [];
});
afterEach(async () => {
  for (const database of open) await database.close();
  await rm(folder, { recursive: true });
});
async function database(name = "sub/cloud.db"): Promise<OpenDatabase> {
  const made = await openDatabase({
    url: name === ":memory:" ? "sqlite::memory:" : `sqlite:${join(folder, name)}`,
  });
  open.push(made);
  return made;
}
const count = async ({ db }: OpenDatabase): Promise<number> =>
  (await db.selectFrom("setting").select(db.fn.countAll<number>().as("n")).executeTakeFirstOrThrow()).n;
const put = (name: string) => ({ name, value: "1" });

describe("opening", () => {
  test("a new file gets its tables, belongs to this account only and keeps what was written", async () => {
    const first = await database();
    expect(first.migrated).toEqual(Object.keys(migrations));
    await first.db.insertInto("setting").values(put("a")).execute();
    expect((await stat(join(folder, "sub/cloud.db"))).mode & 0o777).toBe(0o600);
    const second = await database();
    expect(second.migrated).toEqual([]);
    expect(await count(second)).toBe(1);
  });

  test("every commit is on the disk, foreign keys hold, other processes may read", async () => {
    const { db } = await database();
    const pragma = async (name: string): Promise<unknown> =>
      Object.values(
        (await sql<Record<string, unknown>>`pragma ${sql.raw(name)}`.execute(db)).rows[0] ?? {},
      )[0];
    expect(await pragma("journal_mode")).toBe("wal");
    expect(await pragma("synchronous")).toBe(2);
    expect(await pragma("foreign_keys")).toBe(1);
    await expect(
      db
        .insertInto("gateway")
        .values({ id: "g", siteId: 99, tokenHash: "", setupTime: 0, seenTime: null })
        .execute(),
    ).rejects.toThrow(/FOREIGN KEY/);
  });

  test("another kind of database is refused by name", async () => {
    await expect(openDatabase({ url: "mysql://x" })).rejects.toThrow(/DATABASE_URL is sqlite:FILE/);
  });
});

describe("transactions", () => {
  test("an exception rolls back everything and the connection stays usable", async () => {
    const d = await database(":memory:");
    await expect(
      transaction(d.db, async (tx) => {
        await tx.insertInto("setting").values(put("a")).execute();
        throw new Error("stop");
      }),
    ).rejects.toThrow("stop");
    expect(await count(d)).toBe(0);
  });

  test("a program that ends before a commit has written nothing, after it everything, also outside a transaction", async () => {
    let end: "commit" | "committed" | undefined;
    const url = `sqlite:${join(folder, "traced.db")}`;
    const made = await openDatabase({
      url,
      trace: (when) => {
        if (when === end) throw new Error(`ended before it was told: ${when}`);
      },
    });
    open.push(made);
    const { db } = made;
    const write = (name: string) =>
      transaction(db, (tx) => tx.insertInto("setting").values(put(name)).execute());
    end = "commit";
    await expect(write("a")).rejects.toThrow("commit");
    await expect(db.insertInto("setting").values(put("b")).execute()).rejects.toThrow("commit");
    expect(await count(made)).toBe(0);
    end = "committed";
    await expect(write("c")).rejects.toThrow("committed");
    await expect(db.insertInto("setting").values(put("d")).execute()).rejects.toThrow("committed");
    expect(await count(made)).toBe(2);
  });

  test("a second one waits for the first, in the order of asking", async () => {
    const d = await database(":memory:");
    const order: string[] = [];
    await Promise.all(
      ["a", "b", "c"].map((name) =>
        transaction(d.db, async (tx) => {
          order.push(`${name} begins`);
          await tx.insertInto("setting").values(put(name)).execute();
          order.push(`${name} ends`);
        }),
      ),
    );
    expect(order).toEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
    expect(await count(d)).toBe(3);
  });

  test("the write lock is taken at the beginning: another process is not told busy in its middle", async () => {
    const { db } = await database();
    const other = new Sqlite(join(folder, "sub/cloud.db"), { timeout: 0 });
    await transaction(db, async (tx) => {
      await tx.selectFrom("setting").selectAll().execute();
      expect(() => other.exec("begin immediate")).toThrow(/locked/);
    });
    other.exec("begin immediate");
    other.close();
  });

  test("db inside a transaction throws at once; after it, also in work it has left behind, db may be used", async () => {
    const d = await database(":memory:");
    let later: Promise<number> | undefined;
    let go: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    await transaction(d.db, async () => {
      await expect(count(d)).rejects.toThrow(/use tx/);
      later = gate.then(() => count(d));
    });
    go();
    expect(await later).toBe(0);
  });
});

describe("numbers", () => {
  test("a broken or huge number is not stored", async () => {
    const { db } = await database(":memory:");
    for (const balance of [1.5, Number.NaN, 2 ** 53]) {
      await expect(
        db.insertInto("ledger_account").values({ account: "a", balance }).execute(),
      ).rejects.toThrow(/no whole number/);
    }
    expect(await db.selectFrom("ledger_account").selectAll().execute()).toEqual([]);
  });

  test("a sum that is not exact any more is an error, not a number", async () => {
    const { db } = await database(":memory:");
    const balance = Number.MAX_SAFE_INTEGER;
    await db
      .insertInto("ledger_account")
      .values([
        { account: "a", balance },
        { account: "b", balance },
      ])
      .execute();
    const sum = db.selectFrom("ledger_account").select((e) => e.fn.sum<number>("balance").as("sum"));
    await expect(sum.execute()).rejects.toThrow(/sum is beyond/);
  });
});
