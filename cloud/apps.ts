import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BASE62, type Random, text } from "@bluepower/protocol/random";
import type { Side } from "./database/schema.ts";

/** What signs the calls of one side's clients. It identifies a client and authenticates nobody (spec 2). */
export interface App {
  appId: string;
  appKey: string;
  jamCode: string;
}
export type AppsFile = Record<Side, App>;

const HEX = "0123456789abcdef";
const sides: readonly Side[] = ["user", "manager"];

/**
 * The two apps: `fixed` ones as they are, the others from `DATA_DIR/apps.json`, which is made at random (0600) when
 * it is missing. Other members of the file stay untouched. Throws when the file is damaged, naming the member.
 */
export function readApps(of: { dataDir: string; fixed: Partial<AppsFile>; random: Random }): AppsFile {
  const user = of.fixed.user;
  const manager = of.fixed.manager;
  const kept = user !== undefined && manager !== undefined ? undefined : keptApps(of.dataDir, of.random);
  const apps = { user: user ?? kept?.user, manager: manager ?? kept?.manager };
  return {
    user: checked(
      apps.user,
      user === undefined ? "apps.json: user" : "USER_APP_ID, USER_APP_KEY, USER_JAM_CODE",
    ),
    manager: checked(
      apps.manager,
      manager === undefined ? "apps.json: manager" : "MANAGER_APP_ID, MANAGER_APP_KEY, MANAGER_JAM_CODE",
    ),
  };
}

function keptApps(dataDir: string, random: Random): Partial<AppsFile> {
  const file = join(dataDir, "apps.json");
  if (!existsSync(file)) {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const made = Object.fromEntries(sides.map((side) => [side, randomApp(random)]));
    // Written whole and linked into place: of two programs that start at once one wins, and nobody reads a half.
    const draft = `${file}.${text(random, 8, BASE62)}`;
    writeFileSync(draft, `${JSON.stringify(made, undefined, 2)}\n`, { mode: 0o600, flag: "wx", flush: true });
    try {
      linkSync(draft, file);
    } catch (error) {
      if (!existsSync(file)) throw error;
    } finally {
      rmSync(draft);
    }
  }
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Partial<AppsFile>;
  } catch (cause) {
    throw new Error(`${file} is damaged: repair it, or remove it to have new apps made`, { cause });
  }
}

const randomApp = (random: Random): App => ({
  appId: text(random, 32, HEX),
  appKey: text(random, 32, HEX),
  jamCode: text(random, 32, BASE62),
});

function checked(app: App | undefined, name: string): App {
  const form = /^[0-9A-Za-z]{32}$/;
  if (!form.test(app?.jamCode ?? "")) throw new Error(`${name}: the jam code is 32 letters and digits`);
  if (
    app === undefined ||
    !/^[\x21-\x7e]{8,64}$/.test(app.appId) ||
    !/^[\x21-\x7e]{8,64}$/.test(app.appKey)
  ) {
    throw new Error(`${name}: app id and app key are 8 to 64 visible characters`);
  }
  return { appId: app.appId, appKey: app.appKey, jamCode: app.jamCode };
}
