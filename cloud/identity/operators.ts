/** Named accounts of the people who run the installation, for the command line and the console. */

import { scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { BASE62, type Random, text } from "@bluepower/protocol/random";
import { sql } from "kysely";
import type { Db, Tx } from "../database/database.ts";
import type { Role } from "../database/schema.ts";
import { audit, type By } from "./audit.ts";

/** Each role may what the ones before it may: read; handle money; everything. */
export const ROLES = ["viewer", "cashier", "admin"] as const satisfies readonly Role[];

export const mayAct = (role: Role, least: Role): boolean => ROLES.indexOf(role) >= ROLES.indexOf(least);

export const isAccountName = (name: string): boolean => /^[a-z][a-z0-9._-]{0,31}$/.test(name);

/** Shorter ones are guessed, longer ones cost work. */
export const PASSWORD_MIN = 10;
export const PASSWORD_MAX = 200;
/** 20 of 62 characters are 119 bits. */
const MADE_LENGTH = 20;

/** After so many wrong passwords in a row an account is shut for a while, so that nobody can go through a list of words. */
export const FAILURES_MAX = 5;
export const LOCKED_MS = 15 * 60_000;

const derive = promisify<string, string, number, { N: number; r: number; p: number; maxmem: number }, Buffer>(
  scrypt,
);
/** 32 MB and about a tenth of a second for one guess. */
const COST = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 2 ** 20 };
const KEY_BYTES = 32;
const SALT_LENGTH = 22;

export const madePassword = (random: Random): string => text(random, MADE_LENGTH, BASE62);

/** `scrypt:N:r:p:salt:hash`. Takes its time, so it is done before a transaction. */
export async function hashPassword(password: string, random: Random): Promise<string> {
  const salt = text(random, SALT_LENGTH, BASE62);
  const { N, r, p } = COST;
  return ["scrypt", N, r, p, salt, (await derive(password, salt, KEY_BYTES, COST)).toString("hex")].join(":");
}

/** Compared when nobody has the name, so that the answer takes the same work. */
const NOBODY = `scrypt:${COST.N}:${COST.r}:${COST.p}:nobody:${"00".repeat(KEY_BYTES)}`;

async function matches(password: string, stored: string): Promise<boolean> {
  const [, n, r, p, salt, hash] = stored.split(":");
  if (salt === undefined || hash === undefined) throw new Error("a password is not kept in a known form");
  const cost = { N: Number(n), r: Number(r), p: Number(p), maxmem: COST.maxmem };
  const known = Buffer.from(hash, "hex");
  return timingSafeEqual(await derive(password, salt, known.length, cost), known);
}

/**
 * The role of the account when the password is its own. `refused` says no more on purpose: nobody of that name, another
 * password, disabled, or shut after `FAILURES_MAX` wrong ones, which a right one does not open before `LOCKED_MS` are over.
 */
export async function verifyOperator(
  db: Db,
  { name, password, at }: { name: string; password: string; at: number },
): Promise<{ kind: "verified"; role: Role } | { kind: "refused" }> {
  // Counted before the work, so that guesses made at the same time are all counted.
  const row = await db
    .updateTable("operator_account")
    .set({
      failures: sql<number>`case when failures >= ${FAILURES_MAX} then 1 else failures + 1 end`,
      failTime: at,
    })
    .where("name", "=", name)
    .where("disabled", "=", 0)
    .where((e) =>
      e.or([
        e("failures", "<", FAILURES_MAX),
        e("failTime", "is", null),
        e("failTime", "<=", at - LOCKED_MS),
        // Written before the clock was set back.
        e("failTime", ">", at),
      ]),
    )
    .returning(["passwordHash", "role", "failures"])
    .executeTakeFirst();
  const right = await matches(password, row?.passwordHash ?? NOBODY);
  if (row === undefined) return { kind: "refused" };
  if (!right) {
    if (row.failures === FAILURES_MAX) await noteLock(db, name, at);
    return { kind: "refused" };
  }
  const open = db.updateTable("operator_account").set({ failures: 0, failTime: null });
  await open.where("name", "=", name).where("passwordHash", "=", row.passwordHash).execute();
  return { kind: "verified", role: row.role };
}

async function noteLock(db: Db, name: string, at: number): Promise<void> {
  const entry = { who: "cloud", what: "account.lock", object: name, insertTime: at };
  await db
    .insertInto("audit_log")
    .values({ ...entry, detail: `${FAILURES_MAX} wrong passwords` })
    .execute();
}

export interface NewOperator {
  name: string;
  role: Role;
  /** From hashPassword. */
  passwordHash: string;
}

export async function addOperator(tx: Tx, account: NewOperator, by: By): Promise<"added" | "exists"> {
  const added = await tx
    .insertInto("operator_account")
    .values({ ...account, failTime: null, setupTime: by.at, updateTime: by.at })
    .onConflict((c) => c.column("name").doNothing())
    .executeTakeFirst();
  if (added.numInsertedOrUpdatedRows !== 1n) return "exists";
  await audit(tx, by, { what: "account.add", object: account.name, detail: account.role });
  return "added";
}

/** `last_admin`: nobody would be left who may give rights. */
type Kept = "unknown" | "last_admin";

export async function disableOperator(tx: Tx, name: string, by: By): Promise<"disabled" | "already" | Kept> {
  const account = await find(tx, name);
  if (account === undefined) return "unknown";
  if (account.disabled === 1) return "already";
  if (await isLastAdmin(tx, account)) return "last_admin";
  await change(tx, name, { disabled: 1, updateTime: by.at });
  await audit(tx, by, { what: "account.disable", object: name });
  return "disabled";
}

export async function setOperatorRole(
  tx: Tx,
  { name, role }: { name: string; role: Role },
  by: By,
): Promise<"set" | Kept> {
  const account = await find(tx, name);
  if (account === undefined) return "unknown";
  if (role !== "admin" && (await isLastAdmin(tx, account))) return "last_admin";
  await change(tx, name, { role, updateTime: by.at });
  await audit(tx, by, { what: "account.role", object: name, detail: `from ${account.role} to ${role}` });
  return "set";
}

/** The account is open again, also when it was disabled or shut. */
export async function setOperatorPassword(
  tx: Tx,
  { name, passwordHash }: { name: string; passwordHash: string },
  by: By,
): Promise<"set" | "unknown"> {
  if ((await find(tx, name)) === undefined) return "unknown";
  await change(tx, name, { passwordHash, disabled: 0, failures: 0, failTime: null, updateTime: by.at });
  await audit(tx, by, { what: "account.password", object: name });
  return "set";
}

export interface OperatorRow {
  name: string;
  role: Role;
  disabled: boolean;
  setupTime: number;
}

export async function listOperators(db: Db | Tx): Promise<OperatorRow[]> {
  const rows = await db
    .selectFrom("operator_account")
    .select(["name", "role", "disabled", "setupTime"])
    .orderBy("name")
    .execute();
  return rows.map((r) => ({ ...r, disabled: r.disabled === 1 }));
}

const find = (tx: Tx, name: string) =>
  tx
    .selectFrom("operator_account")
    .select(["name", "role", "disabled"])
    .where("name", "=", name)
    .executeTakeFirst();

const change = (
  tx: Tx,
  name: string,
  set: Partial<{
    role: Role;
    passwordHash: string;
    disabled: number;
    failures: number;
    failTime: null;
    updateTime: number;
  }>,
) => tx.updateTable("operator_account").set(set).where("name", "=", name).execute();

async function isLastAdmin(
  tx: Tx,
  account: { name: string; role: Role; disabled: number },
): Promise<boolean> {
  if (account.role !== "admin" || account.disabled === 1) return false;
  const all = await listOperators(tx);
  return !all.some((a) => a.name !== account.name && a.role === "admin" && !a.disabled);
}
