import { createServer, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { until } from "../e2e/until.ts";
import { type FromProbe, type Place, PROGRAMS, type Program, type ToProbe } from "./wire.ts";

/** A probe answers in its program's next turn. */
const ANSWER_MS = 20_000;

interface Attached {
  pid: number;
  socket: Socket;
  /** Who waits for its answer. */
  asked: { ready: () => void; gone: () => void } | undefined;
}

/** The test's end of the probes in the programs of one site. A program that is started again takes the place of the former. */
export class Probed {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #attached = new Map<Program, Attached>();
  /** Counted by name, since the last watch. */
  readonly #points = new Map<Program, Map<string, number>>();
  /** Called when the program stands at the place it was told. */
  stands: (program: Program, pid: number) => void = () => {};

  private constructor(server: Server) {
    this.#server = server;
  }

  static async listen(path: string): Promise<Probed> {
    const server = createServer();
    const probed = new Probed(server);
    server.on("connection", (socket) => probed.#connected(socket));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(path, resolve);
    });
    return probed;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((done) => this.#server.close(done));
  }

  pid(program: Program): number | undefined {
    return this.#attached.get(program)?.pid;
  }

  /** All three count from now on; one of them stops at a place. */
  async watch(stop?: { program: Program; place: Place }): Promise<void> {
    this.#points.clear();
    for (const program of PROGRAMS) {
      await this.#ask(program, {
        kind: "watch",
        stopAt: stop?.program === program ? stop.place : null,
      });
    }
  }

  async rest(): Promise<void> {
    for (const program of PROGRAMS) await this.#ask(program, { kind: "rest" });
  }

  /** What was seen since the last watch: how often, by name. */
  seen(program: Program): ReadonlyMap<string, number> {
    return this.#points.get(program) ?? new Map();
  }

  async #ask(program: Program, request: ToProbe): Promise<void> {
    const attached = await until(
      `${program} has its probe`,
      () => this.#attached.get(program),
      (found) => found !== undefined,
    );
    if (attached === undefined) return;
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`the probe of ${program} is silent`)), ANSWER_MS);
      attached.asked = {
        ready: () => {
          clearTimeout(late);
          resolve();
        },
        gone: () => {
          clearTimeout(late);
          reject(new Error(`${program} has ended by itself`));
        },
      };
      attached.socket.write(`${JSON.stringify(request)}\n`);
    });
  }

  #connected(socket: Socket): void {
    let name: Program | undefined;
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    createInterface({ input: socket }).on("line", (line) => {
      const message = JSON.parse(line) as FromProbe;
      if (message.kind === "hello") {
        name = message.program;
        const attached: Attached = { pid: message.pid, socket, asked: undefined };
        this.#attached.set(name, attached);
        socket.once("close", () => {
          attached.asked?.gone();
          if (name !== undefined && this.#attached.get(name) === attached) this.#attached.delete(name);
        });
        return;
      }
      if (name === undefined) return;
      const attached = this.#attached.get(name);
      if (message.kind === "points") this.#count(name, message.labels);
      else if (attached === undefined) return;
      else if (message.kind === "ready") attached.asked?.ready();
      else this.stands(name, attached.pid);
    });
  }

  #count(program: Program, labels: readonly string[]): void {
    const counts = this.#points.get(program) ?? new Map<string, number>();
    this.#points.set(program, counts);
    for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  }
}
