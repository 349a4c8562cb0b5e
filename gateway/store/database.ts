import { chmodSync } from "node:fs";
import Database from "better-sqlite3";
import { migrations } from "./migrations.ts";

export type Sqlite = Database.Database;

/**
 * Opens the gateway's database and brings its tables up to date. Synchronous FULL: what has been told to anyone
 * survives a power cut. Throws when the file is no database, is damaged, or comes from a newer program.
 */
export function openDatabase(file: string): Sqlite {
  const db = new Database(file, { timeout: 5000 });
  try {
    // Jam codes are in it. The files that SQLite makes beside it take over its mode.
    chmodSync(file, 0o600);
    db.pragma("journal_mode = WAL");
    db.pragma("synchronous = FULL");
    db.pragma("foreign_keys = ON");
    // A WAL that once grew does not keep its size on a small disk.
    db.pragma("journal_size_limit = 4194304");
    migrate(db, file);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function migrate(db: Sqlite, file: string): void {
  const version = Number(db.pragma("user_version", { simple: true }));
  if (version > migrations.length) {
    throw new Error(
      `${file} was written by a newer program (tables ${version}, this one knows ${migrations.length})`,
    );
  }
  for (const [i, sql] of migrations.entries()) {
    if (i < version) continue;
    db.transaction(() => {
      db.exec(sql);
      db.pragma(`user_version = ${i + 1}`);
    }).immediate();
  }
}

/** The disk, or the quota, is full: the write did not happen, everything written before stands. */
export function isFull(error: unknown): boolean {
  if (!(error instanceof Database.SqliteError)) return false;
  // A full disk under the WAL or its index shows itself as a failed write, too.
  return ["SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE", "SQLITE_IOERR_FSYNC"].includes(
    error.code,
  );
}
