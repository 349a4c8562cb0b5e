import type { Plant } from "./plant.ts";

/** What the phone shares, the charger in software, and the gateway's conversation with one. */
export const chargerPlants: readonly Plant[] = [
  {
    name: "comparison by length",
    file: "protocol/text.ts",
    find: "difference |= (x[i] ?? 0) ^ (y[i] ?? 0);",
    plant: "difference |= 0;",
    caught: { file: "protocol/text.test.ts", test: "equalConstantTime is equality" },
  },
  {
    name: "names sorted as people do",
    file: "protocol/http/signature.ts",
    find: "(a < b ? -1 : a > b ? 1 : 0)",
    plant: "a.localeCompare(b)",
    caught: {
      file: "protocol/http/signature.test.ts",
      test: "upper case sorts before lower case, timestamp before unit and user",
      titles: "protocol/http/golden/signatures.json",
    },
  },
  {
    name: "reader does not begin anew at @",
    file: "protocol/charger/reader.ts",
    find: "if (byte === BEGIN) {",
    plant: "if (byte === BEGIN && this.#frame === undefined) {",
    caught: {
      file: "protocol/charger/frames.test.ts",
      test: "the reader's golden chunks > a beginning inside of a frame begins a new one",
      titles: "protocol/charger/golden/reader.json",
    },
  },
  {
    name: "frames without a bound",
    file: "protocol/charger/reader.ts",
    find: "if (this.#frame.length > FRAME_MAX) {",
    plant: "if (this.#frame.length > 1024 * FRAME_MAX) {",
    caught: {
      file: "protocol/charger/frames.test.ts",
      test: "the reader's golden chunks > 129 are none, and the next one is read",
      titles: "protocol/charger/golden/reader.json",
    },
  },
  {
    name: "a damaged port read as running",
    file: "protocol/charger/frames.ts",
    find: `    else if (n === 999) ports.push({ port, state: "damaged" });\n`,
    plant: "",
    caught: {
      file: "protocol/charger/frames.test.ts",
      test: "port states > damaged, and the limits of a running port",
      titles: "protocol/charger/golden/ports.json",
    },
  },
  {
    name: "charger's signature without the timestamp",
    file: "protocol/charger/signature.ts",
    find: "[of.name, ...of.parameters, of.timestamp, jamCode]",
    plant: "[of.name, ...of.parameters, jamCode]",
    caught: { file: "protocol/charger/frames.test.ts", test: "the example of the specification" },
  },
  {
    name: "replayed frame accepted by the charger",
    file: "firmware-sim/charger.ts",
    find: "if (timestamp === undefined || this.#accepted.has(request.signature)) return 2;",
    plant: "if (timestamp === undefined) return 2;",
    caught: {
      file: "firmware-sim/charger.test.ts",
      test: "the same bytes twice are 2 the second time, in upper case too; a retry with a new timestamp is not",
    },
  },
  {
    name: "charger compares signatures by prefix",
    file: "firmware-sim/charger.ts",
    find: "if (request.signature.toLowerCase() !== chargerSignature(request, this.#jamCode)) return 3;",
    plant:
      "if (!chargerSignature(request, this.#jamCode).startsWith(request.signature.toLowerCase())) return 3;",
    caught: { file: "firmware-sim/charger.test.ts", test: "a wrong signature is 3 whatever else is wrong" },
  },
  {
    name: "a wrong STIME locks the charger",
    file: "firmware-sim/charger.ts",
    find: "if (time !== undefined && !near(time, timestamp)) return 2;",
    plant:
      "if (time !== undefined && (!near(time, timestamp) || (this.#time.isSet && !this.#time.accepts(timestamp)))) return 2;",
    caught: {
      file: "firmware-sim/charger.test.ts",
      test: "may move the clock either way, however far: a wrong STIME never locks the charger",
    },
  },
  {
    name: "a busy port begins anew",
    file: "firmware-sim/ports.ts",
    find: `if (this.#ports[port - 1]?.state !== "free") return false;`,
    plant: `if ((this.#ports[port - 1]?.state ?? "damaged") === "damaged") return false;`,
    caught: { file: "firmware-sim/chargerPorts.test.ts", test: "on a busy port is 1 and changes nothing" },
  },
  {
    name: "the charger counts without power",
    file: "firmware-sim/ports.ts",
    find: `p.state === "running" ? { ...p, leftMs: this.#left(p), since: now } : p,`,
    plant: `p.state === "running" && powered === false ? { ...p, leftMs: this.#left(p), since: now } : p,`,
    caught: {
      file: "firmware-sim/chargerPorts.test.ts",
      test: "drops the link, everything is dark; remaining time stands still and goes on",
    },
  },
  {
    name: "noise keeps a camping phone linked",
    file: "firmware-sim/charger.ts",
    find: `    if ("problem" in request) return { result: 1, payload: [] };
    this.#awaitFrame();`,
    plant: `    this.#awaitFrame();
    if ("problem" in request) return { result: 1, payload: [] };`,
    caught: {
      file: "firmware-sim/chargerPorts.test.ts",
      test: "a central without a valid frame for 60 s is dropped, one that talks is not",
    },
  },
  {
    name: "the frame of another link's end read on",
    file: "firmware-sim/charger.ts",
    find: "    this.#reader.reset();\n",
    plant: "",
    caught: { file: "firmware-sim/chargerPorts.test.ts", test: "half a frame is thrown away on disconnect" },
  },
  {
    name: "STIME never set after a correction",
    file: "gateway/chargers/session.ts",
    find: `    // Ours may have been corrected since the link was opened.
    if (this.#clockIsDue()) {`,
    plant: "    if (false) {",
    caught: {
      file: "gateway/chargers/session.test.ts",
      test: "set the clock first once the gateway's own time has been corrected",
    },
  },
  {
    name: "a charger's clock set from a time that is not known",
    file: "gateway/chargers/session.ts",
    find: "return this.#site.synced() && this.#face.offBy",
    plant: "return this.#face.offBy",
    caught: {
      file: "gateway/chargers/session.test.ts",
      test: "a clock that is > an hour off, time not synced",
    },
  },
  {
    name: "a late OK confirms the next command",
    file: "gateway/chargers/exchange.ts",
    find: `        pending.settle(strange === undefined ? { kind: "no_reply" } : { kind: "garbled", detail: strange });
        this.abort();`,
    plant: `        pending.settle(strange === undefined ? { kind: "no_reply" } : { kind: "garbled", detail: strange });`,
    caught: {
      file: "gateway/chargers/session.test.ts",
      test: "close the link after an answer that did not come, so that a late one confirms nothing else",
    },
  },
  {
    name: "a signature used twice",
    file: "gateway/chargers/signer.ts",
    find: "      if (this.#sent.has(frame)) continue;\n",
    plant: "",
    caught: {
      file: "gateway/chargers/session.test.ts",
      test: "never repeat a signature: the same command in one second is dated a second later",
    },
  },
  {
    name: "commands sent after the session was taken away",
    file: "gateway/chargers/session.ts",
    find: `      if (revoked) return { kind: "closed" };\n`,
    plant: "",
    caught: {
      file: "gateway/chargers/session.test.ts",
      test: "leave the link alone when the session is taken away between them",
    },
  },
  {
    name: "link of a charger that was taken away never counted free",
    file: "gateway/chargers/scheduler.ts",
    find: "      this.#leftovers.delete(link);\n",
    plant: "",
    caught: {
      file: "gateway/chargers/scheduler.test.ts",
      test: "answers for a charger that is not assigned, and for one that is taken away",
    },
  },
  {
    name: "the link of a request under way given up",
    file: "gateway/chargers/charger.ts",
    find: `if (c.running !== undefined || c.link?.state !== "open") continue;`,
    plant: `if (c.link?.state !== "open") continue;`,
    caught: {
      file: "gateway/chargers/scheduler.test.ts",
      test: "never takes the link of a request under way",
    },
  },
];
