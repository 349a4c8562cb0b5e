import { BOUNDARY, ERROR, UNIT_MS } from "./constants.ts";

/**
 * `instant`: everything in the air happens in the next macrotask. `interval`: data moves at the
 * anchors of a real connection interval and advertising keeps its own.
 */
export type Timing = "instant" | "interval";

export type LinkRole = "central" | "peripheral";

/** In the units of HCI: 1.25 ms, connection events, 10 ms. */
export interface ConnectionParameters {
  interval: number;
  latency: number;
  supervisionTimeout: number;
}

/** What happens to an L2CAP packet on a link: a fault that a test switches on. */
export interface LinkRule {
  /** Seen from the controller that has the rule. */
  direction: "sent" | "received";
  /** `l2cap` begins with length and channel, 2 bytes each. */
  matches(l2cap: Uint8Array): boolean;
  action:
    | { kind: "drop" }
    | { kind: "delay"; ms: number }
    | { kind: "corrupt"; change(l2cap: Uint8Array): Uint8Array };
  /** How many packets more; at 0 the rule is spent. */
  times: number;
}

/** The controller at one end. */
export interface LinkHost {
  readonly linkRules: readonly LinkRule[];
  deliverAcl(handle: number, boundary: number, payload: Uint8Array): void;
  packetsCompleted(handle: number, count: number): void;
  linkUpdated(handle: number, parameters: ConnectionParameters): void;
  /** Without a reason the host is told nothing: its controller was reset or is gone. */
  linkClosed(handle: number, reason: number | undefined): void;
}

export interface LinkEnd {
  host: LinkHost;
  handle: number;
}

interface Pdu {
  boundary: number;
  payload: Uint8Array;
  readyAt: number;
  lost: boolean;
}

interface Side extends LinkEnd {
  /** Bounded by the ACL buffers of the controller, which counts what was not completed. */
  queue: Pdu[];
  /** What the rules said about the L2CAP packet whose fragments are passing. */
  fate: Pick<Pdu, "readyAt" | "lost">;
}

/** Link-layer PDUs that one connection event carries each way. */
const PDUS_PER_EVENT = 6;

/** A connection between two controllers: moves ACL data, watches over the radio, ends once. */
export class Link {
  readonly #timing: Timing;
  readonly #sides: Record<LinkRole, Side>;
  readonly #onClosed: (link: Link) => void;
  #parameters: ConnectionParameters;
  #anchor = performance.now();
  #wake: { at: number; cancel(): void } | undefined;
  #supervision: NodeJS.Timeout | undefined;
  #reachable = true;
  #abandoned = false;
  #terminating: { by: LinkRole; reason: number } | undefined;
  #update: ConnectionParameters | undefined;
  #open = true;

  constructor(options: {
    timing: Timing;
    parameters: ConnectionParameters;
    central: LinkEnd;
    peripheral: LinkEnd;
    closed: (link: Link) => void;
  }) {
    this.#timing = options.timing;
    this.#parameters = options.parameters;
    this.#onClosed = options.closed;
    const side = (end: LinkEnd): Side => ({ ...end, queue: [], fate: { readyAt: 0, lost: false } });
    this.#sides = { central: side(options.central), peripheral: side(options.peripheral) };
  }

  get parameters(): ConnectionParameters {
    return this.#parameters;
  }

  get reachable(): boolean {
    return this.#reachable;
  }

  /** ACL data from the host at `role`. */
  send(role: LinkRole, boundary: number, payload: Uint8Array): void {
    if (!this.#open) return;
    const from = this.#sides[role];
    const to = this.#sides[opposite(role)];
    let bytes = payload;
    if (boundary !== BOUNDARY.CONTINUING) {
      from.fate = { readyAt: 0, lost: false };
      for (const rule of [...pick(from.host, "sent"), ...pick(to.host, "received")]) {
        if (!rule.matches(bytes)) continue;
        rule.times--;
        if (rule.action.kind === "drop") from.fate.lost = true;
        else if (rule.action.kind === "delay") from.fate.readyAt = performance.now() + rule.action.ms;
        else bytes = rule.action.change(bytes);
      }
    }
    const outgoing = boundary === BOUNDARY.CONTINUING ? BOUNDARY.CONTINUING : BOUNDARY.FIRST_FLUSHABLE;
    from.queue.push({ boundary: outgoing, payload: bytes, ...from.fate });
    this.#schedule();
  }

  /** Ends the link in good order, after the data that is on its way. */
  terminate(by: LinkRole, reason: number): void {
    this.#terminating ??= { by, reason };
    this.#schedule();
  }

  /** New parameters from the next connection event on. */
  update(parameters: ConnectionParameters): void {
    this.#update = parameters;
    this.#schedule();
  }

  /** Out of range nothing moves; after the supervision timeout both ends notice. Back in time, it goes on. */
  setReachable(reachable: boolean): void {
    if (!this.#open || this.#abandoned || this.#reachable === reachable) return;
    this.#reachable = reachable;
    clearTimeout(this.#supervision);
    if (reachable) {
      this.#schedule();
      return;
    }
    this.#wake?.cancel();
    this.#wake = undefined;
    // An end that had asked for the disconnection gets the reason it would have got with the radio.
    const reason = (role: LinkRole): number =>
      this.#terminating?.by === role ? ERROR.CONNECTION_TERMINATED_BY_LOCAL_HOST : ERROR.CONNECTION_TIMEOUT;
    this.#supervision = setTimeout(
      () => this.close({ central: reason("central"), peripheral: reason("peripheral") }),
      this.#parameters.supervisionTimeout * UNIT_MS.SUPERVISION_TIMEOUT,
    );
  }

  /** One end has forgotten the link: silence, until the other notices. */
  abandon(): void {
    this.setReachable(false);
    this.#abandoned = true;
  }

  /** Ends the link at once. An end without a reason learns nothing. */
  close(reasons: { central?: number | undefined; peripheral?: number | undefined }): void {
    if (!this.#open) return;
    this.#open = false;
    clearTimeout(this.#supervision);
    this.#wake?.cancel();
    this.#onClosed(this);
    for (const role of ["central", "peripheral"] as const) {
      const { host, handle } = this.#sides[role];
      host.linkClosed(handle, reasons[role]);
    }
  }

  #schedule(): void {
    if (!this.#open || !this.#reachable) return;
    const heads = Object.values(this.#sides).flatMap(({ queue }) => queue.slice(0, 1));
    const now = performance.now();
    const control = this.#terminating !== undefined || this.#update !== undefined;
    const ready = Math.min(...heads.map((pdu) => pdu.readyAt), control ? now : Number.POSITIVE_INFINITY);
    if (ready === Number.POSITIVE_INFINITY) return;
    const at = this.#timing === "instant" ? ready : this.#anchorAfter(Math.max(now, ready));
    if (this.#wake !== undefined && this.#wake.at <= at) return;
    this.#wake?.cancel();
    const run = (): void => {
      this.#wake = undefined;
      this.#connectionEvent();
    };
    if (at <= now) {
      const immediate = setImmediate(run);
      this.#wake = { at, cancel: () => clearImmediate(immediate) };
    } else {
      const timeout = setTimeout(run, Math.ceil(at - now));
      this.#wake = { at, cancel: () => clearTimeout(timeout) };
    }
  }

  #anchorAfter(time: number): number {
    const interval = this.#parameters.interval * UNIT_MS.CONNECTION_INTERVAL;
    return this.#anchor + (Math.floor((time - this.#anchor) / interval) + 1) * interval;
  }

  #connectionEvent(): void {
    const now = performance.now();
    const take = ({ queue }: Side): Pdu[] => {
      const waiting = queue.findIndex((pdu) => pdu.readyAt > now);
      return queue.splice(0, Math.min(PDUS_PER_EVENT, waiting < 0 ? queue.length : waiting));
    };
    // Both batches are taken before either is delivered: an answer to one waits for the next event.
    const batches = (["central", "peripheral"] as const).map((role) => {
      return { role, pdus: take(this.#sides[role]) };
    });
    for (const { role, pdus } of batches) {
      const from = this.#sides[role];
      const to = this.#sides[opposite(role)];
      if (pdus.length > 0) from.host.packetsCompleted(from.handle, pdus.length);
      for (const pdu of pdus) if (!pdu.lost) to.host.deliverAcl(to.handle, pdu.boundary, pdu.payload);
    }
    this.#control(now);
    this.#schedule();
  }

  /** What the hosts asked of the link itself, once the data before it has gone. */
  #control(now: number): void {
    if (this.#update !== undefined) {
      this.#parameters = this.#update;
      this.#update = undefined;
      this.#anchor = now;
      for (const { host, handle } of Object.values(this.#sides)) host.linkUpdated(handle, this.#parameters);
    }
    if (this.#terminating === undefined) return;
    const { by, reason } = this.#terminating;
    const [next] = this.#sides[by].queue;
    if (next !== undefined && next.readyAt <= now) return;
    const local = ERROR.CONNECTION_TERMINATED_BY_LOCAL_HOST;
    this.close(
      by === "central" ? { central: local, peripheral: reason } : { central: reason, peripheral: local },
    );
  }
}

const opposite = (role: LinkRole): LinkRole => (role === "central" ? "peripheral" : "central");

const pick = (host: LinkHost, direction: LinkRule["direction"]): LinkRule[] =>
  host.linkRules.filter((rule) => rule.direction === direction && rule.times > 0);
