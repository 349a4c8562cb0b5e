import { type Clock, type Millis, seconds, type Timer } from "@bluepower/protocol/clock";
import { type ChipId, chipIdOfName } from "@bluepower/protocol/units";
import type { ConnectFailure, FromWorker, ToWorker } from "./ipc.ts";
import { WorkerLink } from "./link.ts";
import type { NobleAdapter, NobleCharacteristic, NoblePeripheral } from "./noble.ts";
import { Scanner } from "./scanner.ts";

/** Deadlines of spec 4, "Radio". */
const CONNECT = seconds(10);
const DISCOVER = seconds(5);
const SUBSCRIBE = seconds(3);
/** The controller answers a cancelled connection within milliseconds; one that does not blocks every later one. */
const CANCEL = seconds(1);
/** Bounds what the gateway is told of one charger; advertisements come up to ten times a second. */
const SIGHTING_EVERY = seconds(1);
/** More names than chargers ever stand in reach: whoever sends more is no charger. The one not heard for longest goes. */
const KNOWN_MAX = 500;
/**
 * 30 to 50 ms between connection events, and a supervision timeout of 4 s: the library's own 420 ms loses a link each time
 * somebody walks past.
 */
const CONNECTION = { minInterval: 24, maxInterval: 40, latency: 0, timeout: 400 };
/** HCI: Connection Limit Exceeded, Command Disallowed: what controllers say when no link is left. */
const LIMIT = [0x09, 0x0c];

interface Attempt {
  request: number;
  chip: ChipId;
  cancel: () => void;
  /** Not to be forgotten while it is being connected. */
  peripheral?: NoblePeripheral;
}

interface Known {
  peripheral: NoblePeripheral;
  heardAt: Millis;
  toldAt: Millis | undefined;
}

/**
 * The one that connects: one attempt at a time, no scan while it runs, every step with a deadline. It ends the process by
 * `fatal` where the adapter stopped answering, because noble cannot be brought back from there.
 */
export class Central {
  readonly #clock: Clock;
  readonly #adapter: NobleAdapter;
  readonly #send: (message: FromWorker) => void;
  readonly #fatal: (reason: string) => void;
  readonly #scanner: Scanner;
  readonly #known = new Map<ChipId, Known>();
  readonly #links = new Map<number, { link: WorkerLink; write: NobleCharacteristic }>();
  /** Every connection the adapter counts, also those given up. */
  readonly #connections = new Set<WorkerLink>();
  #attempt: Attempt | undefined;
  #heard: (() => void) | undefined;
  #lastLink = 0;

  constructor(of: {
    clock: Clock;
    adapter: NobleAdapter;
    send: (message: FromWorker) => void;
    /** Ends the process. */
    fatal: (reason: string) => void;
  }) {
    this.#clock = of.clock;
    this.#adapter = of.adapter;
    this.#send = of.send;
    this.#fatal = of.fatal;
    this.#scanner = new Scanner({
      clock: of.clock,
      adapter: of.adapter,
      fatal: of.fatal,
      anyLink: () => this.#connections.size > 0,
    });
    of.adapter.onDiscover((peripheral) => this.#discovered(peripheral));
  }

  /** Begins to scan; to be called when the adapter works. */
  start(): void {
    this.#scanner.run("bursts");
    this.#purge();
  }

  receive(message: ToWorker): void {
    switch (message.kind) {
      case "connect":
        void this.#connect(message);
        return;
      case "cancel":
        if (this.#attempt?.request === message.request) this.#attempt.cancel();
        return;
      case "write":
        void this.#write(message);
        return;
      case "close":
        void this.#links.get(message.link)?.link.close("closed by the gateway");
        return;
      case "stop":
        void this.stop();
        return;
    }
  }

  /** Closes all links and ends. */
  async stop(): Promise<void> {
    await this.#scanner.hold();
    await Promise.all([...this.#connections].map((link) => link.close("the gateway stops")));
    this.#fatal("stopped");
  }

  #discovered(peripheral: NoblePeripheral): void {
    const chip = chipIdOfName(peripheral.advertisement.localName ?? "");
    if (chip === undefined) return;
    const now = this.#clock.uptime();
    const toldAt = this.#known.get(chip)?.toldAt;
    const tell = toldAt === undefined || now - toldAt >= SIGHTING_EVERY;
    // Deleted first, so that the map is in the order of hearing.
    this.#known.delete(chip);
    this.#known.set(chip, { peripheral, heardAt: now, toldAt: tell ? now : toldAt });
    if (this.#known.size > KNOWN_MAX) {
      const oldest = this.#known.keys().next();
      if (oldest.done !== true) this.#known.delete(oldest.value);
    }
    if (tell) this.#send({ kind: "sighting", chip, rssi: peripheral.rssi });
    if (this.#attempt?.chip === chip) this.#heard?.();
  }

  async #connect(of: Extract<ToWorker, { kind: "connect" }>): Promise<void> {
    if (this.#attempt !== undefined) {
      const detail = "another connection is being made";
      this.#refuse(of.request, { kind: "failed", step: "connect", detail });
      return;
    }
    const ended: { by?: "absent" | "cancelled" } = {};
    let end: () => void = () => {};
    const over = new Promise<void>((resolve) => {
      end = resolve;
    });
    const finish = (by: "absent" | "cancelled") => (): void => {
      ended.by ??= by;
      end();
    };
    this.#attempt = { request: of.request, chip: of.chip, cancel: finish("cancelled") };
    const timer = this.#clock.after(CONNECT, "connect", finish("absent"));
    const result = await this.#attach(of, over, ended, timer);
    timer.cancel();
    this.#attempt = undefined;
    this.#heard = undefined;
    this.#scanner.run("bursts");
    if (result !== undefined) this.#refuse(of.request, result);
  }

  #refuse(request: number, failure: ConnectFailure): void {
    this.#send({ kind: "not_connected", request, failure });
  }

  /** Undefined when the link stands and has been announced. */
  async #attach(
    of: Extract<ToWorker, { kind: "connect" }>,
    over: Promise<void>,
    ended: { by?: "absent" | "cancelled" },
    timer: Timer,
  ): Promise<ConnectFailure | undefined> {
    const peripheral = this.#known.get(of.chip)?.peripheral ?? (await this.#find(of.chip, over));
    if (peripheral === undefined) return { kind: ended.by ?? "absent" };
    if (this.#attempt !== undefined) this.#attempt.peripheral = peripheral;
    if (!(await this.#scanner.hold()))
      return { kind: "failed", step: "connect", detail: "the scan does not stop" };

    const connected = await this.#open(peripheral, over, ended);
    timer.cancel();
    if (connected.kind !== "connected") return connected;
    const { link } = connected;

    const { service, write, notify } = of.profile;
    const discovered = await link.step<NobleCharacteristic[] | null>(DISCOVER, "discover", (done) =>
      peripheral.discoverSomeServicesAndCharacteristics(
        [service],
        [write, notify],
        (error, _services, found) => done(error, found),
      ),
    );
    if (discovered.kind === "failed") return this.#giveUp(link, "discover", discovered.detail);
    const writing = discovered.value?.find((c) => c.uuid === write);
    const notifying = discovered.value?.find((c) => c.uuid === notify);
    if (writing === undefined || notifying === undefined) {
      const detail = `the device has no characteristics ${write} and ${notify} in service ${service}`;
      return this.#giveUp(link, "discover", detail);
    }

    const id = ++this.#lastLink;
    notifying.on("data", (bytes) => {
      if (this.#links.has(id) && link.open)
        this.#send({ kind: "bytes", link: id, bytes: Uint8Array.from(bytes) });
    });
    const subscribed = await link.step<unknown>(SUBSCRIBE, "subscribe", (done) => notifying.subscribe(done));
    if (subscribed.kind === "failed" || !link.open) {
      return this.#giveUp(
        link,
        "subscribe",
        subscribed.kind === "failed" ? subscribed.detail : await link.closed,
      );
    }
    this.#links.set(id, { link, write: writing });
    this.#send({ kind: "connected", request: of.request, link: id });
    void link.closed.then((reason) => {
      this.#links.delete(id);
      this.#send({ kind: "closed", link: id, reason });
    });
    return undefined;
  }

  #giveUp(link: WorkerLink, step: "discover" | "subscribe", detail: string): ConnectFailure {
    void link.close(detail);
    return { kind: "failed", step, detail };
  }

  /** Scans without rest until the charger is heard or the attempt is over. */
  async #find(chip: ChipId, over: Promise<void>): Promise<NoblePeripheral | undefined> {
    this.#scanner.run("continuous");
    const heard = new Promise<void>((resolve) => {
      this.#heard = resolve;
    });
    await Promise.race([heard, over]);
    return this.#known.get(chip)?.peripheral;
  }

  /** The connection alone. On a timeout it is cancelled; where the adapter does not even answer that, the process ends. */
  async #open(
    peripheral: NoblePeripheral,
    over: Promise<void>,
    ended: { by?: "absent" | "cancelled" },
  ): Promise<ConnectFailure | { kind: "connected"; link: WorkerLink }> {
    const failed = (detail: string): ConnectFailure => ({ kind: "failed", step: "connect", detail });
    if (ended.by !== undefined) return { kind: ended.by };
    const earlier = [...this.#connections].find((link) => link.peripheral.id === peripheral.id);
    if (earlier !== undefined) return failed("the connection before is still being closed");

    peripheral.removeAllListeners();
    peripheral.mtu = null;
    type Answer = { error: Error | string | null };
    let answer: (given: Answer) => void = () => {};
    peripheral.on("connect", (error) => answer({ error: error ?? null }));
    const answered = new Promise<Answer>((resolve) => {
      answer = resolve;
    });
    // Before the attempt, so that a connection lost in the very next packet is noticed.
    const link = new WorkerLink({ clock: this.#clock, peripheral, fatal: this.#fatal });
    peripheral.connect(CONNECTION);
    const first = await Promise.race([answered, over]);
    if (first !== undefined) return first.error === null ? this.#connected(link) : refusal(first.error);

    if (peripheral.state === "connected") return this.#tooLate(link, ended);
    // The library calls back at once when it is told to cancel; only what comes after that is the adapter's word.
    peripheral.cancelConnect();
    const settled = new Promise<Answer>((resolve) => {
      answer = resolve;
    });
    const late = await new Promise<Answer | undefined>((resolve) => {
      const timer = this.#clock.after(CANCEL, "cancel connect", () => resolve(undefined));
      void settled.then((given) => {
        timer.cancel();
        resolve(given);
      });
    });
    if (late === undefined) {
      this.#fatal("a connection attempt cannot be cancelled");
      return failed("the attempt cannot be cancelled");
    }
    return late.error === null ? this.#tooLate(link, ended) : { kind: ended.by ?? "absent" };
  }

  /** The connection came about when nobody waited for it any more. */
  #tooLate(link: WorkerLink, ended: { by?: "absent" | "cancelled" }): ConnectFailure {
    this.#connected(link);
    void link.close("connected too late");
    return { kind: ended.by ?? "absent" };
  }

  #connected(link: WorkerLink): { kind: "connected"; link: WorkerLink } {
    this.#connections.add(link);
    void link.gone.then(() => {
      this.#connections.delete(link);
      // What noble still calls back belongs to this connection; the next one brings its own listeners.
      link.peripheral.removeAllListeners();
    });
    return { kind: "connected", link };
  }

  async #write(of: Extract<ToWorker, { kind: "write" }>): Promise<void> {
    const found = this.#links.get(of.link);
    const outcome = found === undefined ? "closed" : await found.link.write(found.write, of.bytes);
    this.#send({ kind: "written", request: of.request, outcome });
  }

  /** noble keeps about 1.3 KB for each address it ever heard, and phones change theirs every quarter of an hour. */
  #purge(): void {
    const keep = new Set([...this.#known.values()].map((known) => known.peripheral.id));
    for (const link of this.#connections) keep.add(link.peripheral.id);
    if (this.#attempt?.peripheral !== undefined) keep.add(this.#attempt.peripheral.id);
    this.#adapter.forget((id) => keep.has(id));
    this.#clock.after(seconds(30), "forget what is no charger", () => this.#purge());
  }
}

/** The status that noble puts into its message: `Connection Limit Exceeded (0x9)`. */
function refusal(error: Error | string): ConnectFailure {
  const detail = typeof error === "string" ? error : error.message;
  const code = /\(0x([0-9a-f]+)\)$/.exec(detail)?.[1];
  if (code !== undefined && LIMIT.includes(Number.parseInt(code, 16))) return { kind: "limit" };
  return { kind: "failed", step: "connect", detail };
}
