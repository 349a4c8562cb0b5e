import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { describe, expect, onTestFailed, onTestFinished, test } from "vitest";
import { one, startSite } from "./site.ts";

const root = resolve(import.meta.dirname, "../..");
const reason = "installs the gateway's dependencies anew, which takes minutes: npm run test:all";
const everything = process.env.REQUIRE === "all";
if (!everything) console.log(`skipped: the gateway in an empty folder; ${reason}`);

describe.runIf(everything)("the gateway in an empty folder", () => {
  test("starts with plain node and runs a charge; nothing of the cloud lies there", {
    timeout: 1_000_000,
  }, async () => {
    const dir = await mkdtemp(join(tmpdir(), "bluepower-alone-"));
    onTestFinished(() => rm(dir, { recursive: true, force: true }));
    // What a package for a site's machine would carry: the bundle, the dependency lists, the lock file.
    await cp(join(root, "dist/gateway"), join(dir, "dist"), { recursive: true });
    for (const workspace of [".", "protocol", "gateway", "cloud", "firmware-sim", "test/sandbox"]) {
      await mkdir(join(dir, workspace), { recursive: true });
      await cp(join(root, workspace, "package.json"), join(dir, workspace, "package.json"));
    }
    await cp(join(root, "package-lock.json"), join(dir, "package-lock.json"));
    await promisify(execFile)(
      "npm",
      ["ci", "-w", "gateway", "--omit=dev", "--no-audit", "--no-fund", "--prefer-offline"],
      {
        cwd: dir,
        timeout: 900_000,
        // The native modules are compiled where there is no binary for them: without the minute of optimising SQLite.
        env: { ...process.env, CFLAGS: "-O0", CXXFLAGS: "-O0" },
      },
    );

    const installed = await readdir(join(dir, "node_modules"));
    for (const foreign of ["aedes", "vitest", "tsx", "hono", "vite", "kysely", "rolldown"]) {
      expect(installed).not.toContain(foreign);
    }
    expect((await readdir(join(dir, "dist"))).filter((f) => /cloud|sandbox|demo/.test(f))).toEqual([]);

    const site = await startSite({
      chargers: [{ code: "CHARGE01", chip: "A1B2C3D4E5F6" }],
      gatewayBundle: join(dir, "dist"),
    });
    onTestFailed(() => console.log(site.log()));
    onTestFinished(() => site.stop());
    await site.reachable("CHARGE01");
    const who = await site.user("13800000001");
    const opened = one(
      await site.call("newPowerOrder", {
        ...who,
        deviceCode: "CHARGE01",
        port: 1,
        unitPrice: "1.50",
        unit: 1,
        money: "1.50",
      }),
    );
    expect(opened.state).toBe("charging");
    expect((await site.charger("CHARGE01")).ports[0]).toMatchObject({ port: 1, state: "running" });
    expect(one(await site.call("stopPowerOrder", { ...who, orderId: String(opened.orderId) }))).toMatchObject(
      {
        result: 0,
      },
    );
  });
});
