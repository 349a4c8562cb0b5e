import { existsSync } from "node:fs";
import { defineConfig } from "rolldown";

/** Each program is one bundle; only what holds native code is installed beside it. */
const programs: Record<string, Record<string, string>> = {
  cloud: { main: "cloud/main.ts" },
  gateway: { main: "gateway/main.ts", "ble-worker": "gateway/ble-worker/main.ts" },
  "firmware-sim": { main: "firmware-sim/main.ts" },
  sandbox: { main: "test/sandbox/main.ts" },
  demo: { main: "test/demo/main.ts", "virtual-air": "firmware-sim/virtual-hci/main.ts" },
  sim: { main: "test/sim/main.ts" },
  soak: { main: "test/soak/main.ts" },
  planted: { main: "test/planted/main.ts" },
  kill: { probe: "test/kill/probe.ts" },
  bench: { main: "test/bench/main.ts" },
};

export default defineConfig(
  Object.entries(programs)
    .map(([program, entries]) => ({
      program,
      input: Object.fromEntries(Object.entries(entries).filter(([, file]) => existsSync(file))),
    }))
    .filter(({ input }) => Object.keys(input).length > 0)
    .map(({ program, input }) => ({
      input,
      platform: "node" as const,
      external: [/^@abandonware\//, "better-sqlite3"],
      output: { dir: `dist/${program}`, format: "esm" as const, sourcemap: true, cleanDir: true },
    })),
);
