import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "@bluepower/protocol/clock";
import { type Random, seededRandom } from "@bluepower/protocol/random";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import type { Db } from "../database/database.ts";
import { openDatabase } from "../database/open.ts";
import { START } from "../gateways/testSite.ts";
import { runCommand } from "./run.ts";

export interface Ran {
  code: number;
  out: string;
  err: string[];
}

type Line = string | readonly string[];

/** For tests: a folder with a database, and a terminal on which commands run. A line is split at its blanks. */
export class TestTerminal {
  readonly folder = mkdtempSync(join(tmpdir(), "bluepower-cli-"));
  clock: Clock = new SimulatedClock(START);
  random: Random = seededRandom("cli");
  /** Variables of the environment. */
  env: Record<string, string> = {};

  get url(): string {
    return `sqlite:${join(this.folder, "cloud.db")}`;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  async run(line: Line): Promise<Ran> {
    const ran: Ran = { code: -1, out: "", err: [] };
    const words = typeof line === "string" ? line.split(" ").filter((w) => w !== "") : line;
    const terminal = {
      env: { DATA_DIR: this.folder, ...this.env },
      out: (text: string) => {
        ran.out += `${text}\n`;
      },
      err: (text: string) => void ran.err.push(text),
      clock: this.clock,
      random: this.random,
    };
    ran.code = await runCommand(words, terminal, async () => {
      ran.out += "serving";
    });
    return ran;
  }

  /** Runs a command that has to work; its JSON. */
  async json(line: Line): Promise<Record<string, unknown> & Record<string, unknown>[]> {
    const words = typeof line === "string" ? line.split(" ").filter((w) => w !== "") : line;
    const ran = await this.run([...words, "--json"]);
    if (ran.code !== 0 || ran.err.length > 0) throw new Error(`${words.join(" ")}: ${JSON.stringify(ran)}`);
    return JSON.parse(ran.out);
  }

  /** Runs a command that cannot be done; its one line. */
  async refused(line: Line, code = 1): Promise<string> {
    const ran = await this.run(line);
    if (ran.code !== code || ran.out !== "" || ran.err.length !== 1) throw new Error(JSON.stringify(ran));
    return ran.err[0] ?? "";
  }

  async inDatabase<T>(work: (db: Db) => Promise<T>): Promise<T> {
    const { db, close } = await openDatabase({ url: this.url });
    try {
      return await work(db);
    } finally {
      await close();
    }
  }

  audited(): Promise<{ who: string; what: string; object: string; detail: string }[]> {
    return this.inDatabase((db) =>
      db.selectFrom("audit_log").select(["who", "what", "object", "detail"]).orderBy("id").execute(),
    );
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
