import type { Phone } from "@bluepower/protocol/units";
import type { Db, Tx } from "../database/database.ts";
import { audit, type By } from "../identity/audit.ts";

export interface ManagerRow {
  manager: string;
  managerName: string;
  setupTime: number;
  /** 0 until the operator approves. */
  approved: number;
}

export async function findManager(db: Db | Tx, phone: string): Promise<ManagerRow | undefined> {
  return await db
    .selectFrom("manager_info")
    .select(["manager", "managerName", "setupTime", "approved"])
    .where("manager", "=", phone)
    .executeTakeFirst();
}

/** False when no manager has this phone number. */
export async function setManagerName(tx: Tx, phone: string, managerName: string): Promise<boolean> {
  const set = tx.updateTable("manager_info").set({ managerName }).where("manager", "=", phone);
  return (await set.executeTakeFirstOrThrow()).numUpdatedRows === 1n;
}

/** The operator's way to make a manager; usually the first phone number of a login does. Approval is a step of its own. */
export async function registerManager(
  tx: Tx,
  manager: { phone: Phone; managerName?: string },
  by: By,
): Promise<"registered" | "exists"> {
  const made = await tx
    .insertInto("manager_info")
    .values({ manager: manager.phone, managerName: manager.managerName ?? "", setupTime: by.at })
    .onConflict((c) => c.doNothing())
    .executeTakeFirstOrThrow();
  if (made.numInsertedOrUpdatedRows === 0n) return "exists";
  await audit(tx, by, { what: "manager.register", object: manager.phone });
  return "registered";
}

/** From now on every method of the manager's side is open to this manager (spec 2). */
export async function approveManager(
  tx: Tx,
  { phone }: { phone: Phone },
  by: By,
): Promise<"approved" | "already" | "unknown"> {
  const manager = await findManager(tx, phone);
  if (manager === undefined) return "unknown";
  if (manager.approved === 1) return "already";
  await tx.updateTable("manager_info").set({ approved: 1 }).where("manager", "=", phone).execute();
  await audit(tx, by, { what: "manager.approve", object: phone });
  return "approved";
}

/** The operator's way to change a manager's name: bank and bookkeeping know people by it, so the log keeps both. */
export async function renameManager(
  tx: Tx,
  { phone, managerName }: { phone: Phone; managerName: string },
  by: By,
): Promise<"renamed" | "already" | "unknown"> {
  const manager = await findManager(tx, phone);
  if (manager === undefined) return "unknown";
  if (manager.managerName === managerName) return "already";
  await setManagerName(tx, phone, managerName);
  await audit(tx, by, {
    what: "manager.rename",
    object: phone,
    detail: `"${manager.managerName}" to "${managerName}"`,
  });
  return "renamed";
}

/** The manager's side is shut again but for login, phone, info and name. Orders run on, and what was earned stays theirs. */
export async function suspendManager(
  tx: Tx,
  { phone }: { phone: Phone },
  by: By,
): Promise<"suspended" | "already" | "unknown"> {
  const manager = await findManager(tx, phone);
  if (manager === undefined) return "unknown";
  if (manager.approved === 0) return "already";
  await tx.updateTable("manager_info").set({ approved: 0 }).where("manager", "=", phone).execute();
  await audit(tx, by, { what: "manager.suspend", object: phone });
  return "suspended";
}

/** All managers, or those that are not approved, the newest first. */
export async function listManagers(
  db: Db,
  page: { startIndex: number; pageSize: number; pending?: boolean },
): Promise<ManagerRow[]> {
  let managers = db.selectFrom("manager_info").select(["manager", "managerName", "setupTime", "approved"]);
  if (page.pending === true) managers = managers.where("approved", "=", 0);
  return await managers.orderBy("id", "desc").offset(page.startIndex).limit(page.pageSize).execute();
}
