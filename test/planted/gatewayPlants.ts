import type { Plant } from "./plant.ts";

/** The gateway's orders, its store and its uplink. */
export const gatewayPlants: readonly Plant[] = [
  {
    name: "deadline judged on the wall clock",
    file: "gateway/uplink/cloudTime.ts",
    find: `return this.#clock.uptime() + bounds.high >= deadline ? "past" : "open";`,
    plant: `return this.#clock.now() >= deadline ? "past" : "open";`,
    caught: { file: "gateway/uplink/cloudTime.test.ts", test: "a jump of the wall clock moves no deadline" },
  },
  {
    name: "an estimate of time from what was not asked",
    file: "gateway/uplink/cloudTime.ts",
    find: `    const bounds = this.#current();
    if (bounds === undefined) return;
    const low = sentAt - bounds.at;`,
    plant: `    const at = this.#clock.uptime();
    const bounds = this.#current() ?? { low: sentAt - at, high: sentAt - at, at };
    this.#bounds ??= bounds;
    const low = sentAt - bounds.at;`,
    caught: {
      file: "gateway/uplink/cloudTime.test.ts",
      test: "what the cloud says unasked makes no estimate: it may have lain in a queue",
    },
  },
  {
    name: "POWERON not written down before it goes out",
    file: "gateway/supervisor/desk.ts",
    find: `        attempts: order.attempts + 1,
        outstanding: true,`,
    plant: `        attempts: order.attempts + 1,
        outstanding: false,`,
    caught: {
      file: "gateway/supervisor/kill.test.ts",
      test: "a charge whose POWERON reply is lost > each write",
    },
  },
  {
    name: "an order begun again under another command",
    file: "gateway/supervisor/supervisor.ts",
    find: "    if (orders.get(body.orderId) === undefined) {\n      const order = newOrder",
    plant: `    const known = orders.get(body.orderId);
    if (known === undefined || known.state !== "charging") {
      const order = newOrder`,
    caught: {
      file: "gateway/supervisor/supervisor.test.ts",
      test: "cancel before the start came: the start never begins",
    },
  },
  {
    name: "two orders for one port",
    file: "gateway/supervisor/supervisor.ts",
    find: `    if (holder !== undefined) return { reason: "port_busy", detail: \`order \${holder} has the port\` };\n`,
    plant: "",
    caught: {
      file: "gateway/supervisor/supervisor.test.ts",
      test: "two starts for one port: the first has it, the other is told",
    },
  },
  {
    name: "a cancelled start begins when its command comes",
    file: "gateway/supervisor/supervisor.ts",
    find: "      this.#store.orders.bury(body.orderId, command.received, detail);\n",
    plant: "",
    caught: {
      file: "gateway/supervisor/supervisor.test.ts",
      test: "cancel before the start came: the start never begins",
    },
  },
  {
    name: "all minutes of a charger that vanished",
    file: "gateway/supervisor/desk.ts",
    find: "const minutes = minutesOf(order.minutes - this.readings.leftOf(order));",
    plant: "const minutes = order.minutes;",
    caught: {
      file: "gateway/supervisor/ends.test.ts",
      test: "stopped, the answer lost, and the charger gone for hours: never more than was proven",
    },
  },
  {
    name: "a port that runs longer than ordered taken for the order's",
    file: "gateway/supervisor/starting.ts",
    find: "  if (left > facts.minutes) return false;\n",
    plant: "",
    caught: {
      file: "gateway/supervisor/supervisor.test.ts",
      test: "a port that somebody takes between reading and POWERON, with the reply lost: not claimed when it runs longer",
    },
  },
  {
    name: "a foreign port switched off whatever the site's policy",
    file: "gateway/supervisor/readings.ts",
    find: `    if (this.#of.foreignPolicy() !== "switch_off") return [];\n`,
    plant: "",
    caught: {
      file: "gateway/supervisor/supervisor.test.ts",
      test: "a foreign port is reported once, and switched off only when the policy says so",
    },
  },
  {
    name: "an older desired state put in place of a newer one",
    file: "gateway/supervisor/supervisor.ts",
    find: "if (this.#desired !== undefined && desired.version <= this.#desired.version) return",
    plant: "if (this.#desired !== undefined && desired.version === this.#desired.version) return",
    caught: {
      file: "gateway/supervisor/supervisor.test.ts",
      test: "a desired state that is older than the stored one is dropped, also after a restart",
    },
  },
  {
    name: "an order that ends twice",
    file: "gateway/supervisor/moves.ts",
    find: "finished: { corrected:",
    plant: `finished: { ended: "finished", corrected:`,
    caught: {
      file: "gateway/supervisor/ends.test.ts",
      test: "an order that has ended changes no more, whoever has not heard of it yet",
    },
  },
  {
    name: "mark moved when a batch is sent",
    file: "gateway/uplink/outbox.ts",
    find: `if (this.#publish(message) === "sent") this.counts.batches += 1;`,
    plant: `if (this.#publish(message) === "sent") {
      this.counts.batches += 1;
      this.#mark = events.at(-1)?.seq ?? this.#mark;
    }`,
    caught: {
      file: "test/sim/gatewayOutbox.test.ts",
      test: "sends again by a timer of its own when no answer comes",
    },
  },
  {
    name: "mark lowered by a stale answer",
    file: "gateway/uplink/outbox.ts",
    find: "      if (re <= this.#raisedAt) return;\n",
    plant: "",
    caught: {
      file: "test/sim/gatewayOutbox.test.ts",
      test: "a stale answer does not lower the mark, one to a newer message does",
    },
  },
  {
    name: "what was told lost in a power cut",
    file: "gateway/store/database.ts",
    find: `db.pragma("synchronous = FULL");`,
    plant: `db.pragma("synchronous = NORMAL");`,
    caught: {
      file: "gateway/store/store.test.ts",
      test: "synchronous FULL and WAL, because what was told must survive a power cut",
    },
  },
  {
    name: "a port held after its order has ended",
    file: "gateway/store/orders.ts",
    find: "    if (!isLive(order.state)) this.#release.run(order.orderId);\n",
    plant: "",
    caught: {
      file: "gateway/store/store.test.ts",
      test: "a port has one live order, whoever writes; it is free again when the order has ended",
    },
  },
  {
    name: "command taken before the welcome",
    file: "gateway/uplink/sync.ts",
    find: `    // Before the welcome the time is not known; the cloud says it again.
    if (this.#state !== "online") return;\n`,
    plant: "",
    caught: {
      file: "test/sim/gateway.test.ts",
      test: "a command before the welcome is left to be said again: without the cloud's time it would be refused",
    },
  },
  {
    name: "told that it runs though it was cancelled",
    file: "gateway/supervisor/desk.ts",
    find: "if (!order.cancelWanted) this.#confirm",
    plant: "this.#confirm",
    caught: {
      file: "gateway/supervisor/supervisor.test.ts",
      test: "cancel while POWERON is in flight: off again, and nobody was told that it ran",
    },
  },
  {
    name: "a reading from before POWERON proves something after it",
    file: "gateway/supervisor/desk.ts",
    find: `    // What was read before says nothing from here on, also to a cancellation that comes meanwhile.
    this.#reading = undefined;\n`,
    plant: "",
    caught: {
      file: "gateway/supervisor/supervisor.test.ts",
      test: "cancel while POWERON is in flight and its reply and the first POWEROFF are lost",
    },
  },
  {
    name: "a port that runs longer adopted",
    file: "gateway/supervisor/readings.ts",
    find: "if (order === undefined || p.minutesLeft > order.minutes) continue;",
    plant: "if (order === undefined) continue;",
    caught: {
      file: "gateway/supervisor/supervisor.test.ts",
      test: "a port that runs longer than a starting order asks for is not that order's",
    },
  },
  {
    name: "a stop that came too late carried out",
    file: "gateway/supervisor/supervisor.ts",
    find: `    const { orders } = this.#store;
    if (this.#late(command)) {`,
    plant: `    const { orders } = this.#store;
    if (false) {`,
    caught: {
      file: "gateway/supervisor/supervisor.test.ts",
      test: "a stop that comes too late is answered so, and the charge runs on",
    },
  },
  {
    name: "a deadline hours ahead believed",
    file: "gateway/supervisor/supervisor.ts",
    find: "deadline: Math.min(command.deadline, this.#latestDeadline()),",
    plant: "deadline: command.deadline,",
    caught: {
      file: "gateway/supervisor/supervisor.test.ts",
      test: "a deadline hours ahead is a mistake of somebody's clock: the start is given up after a minute all the same",
    },
  },
  {
    name: "a second outcome in place of the first",
    file: "gateway/store/commands.ts",
    find: "where id = ? and outcome is null",
    plant: "where id = ?",
    caught: { file: "gateway/store/store.test.ts", test: "the first outcome of a command stands" },
  },
  {
    name: "an order that waits for evidence forgotten",
    file: "gateway/store/orders.ts",
    find: "where state not in ('starting', 'charging') and settled = 1",
    plant: "where state not in ('starting', 'charging')",
    caught: {
      file: "gateway/store/store.test.ts",
      test: "what is old and over is forgotten; an open command and an end without evidence are kept however old",
    },
  },
  {
    name: "an open command forgotten",
    file: "gateway/store/commands.ts",
    find: "delete from command where outcome is not null and rowid",
    plant: "delete from command where rowid",
    caught: {
      file: "gateway/store/store.test.ts",
      test: "what is old and over is forgotten; an open command and an end without evidence are kept however old",
    },
  },
  {
    name: "a full store takes new orders",
    file: "gateway/supervisor/supervisor.ts",
    find: `    if (!this.#store.takesOrders()) return { reason: "store_full", detail: "the gateway's store is full" };\n`,
    plant: "",
    caught: {
      file: "gateway/supervisor/supervisor.test.ts",
      test: "a full store: new orders are refused, the one that runs is ended when there is room",
    },
  },
  {
    name: "a charger without its profile driven",
    file: "gateway/supervisor/supervisor.ts",
    find: `    if (chargerProfile(charger.profile) === undefined) {
      return`,
    plant: `    if (false) {
      return`,
    caught: {
      file: "gateway/supervisor/supervisor.test.ts",
      test: "a charger whose profile this program does not know is not driven",
    },
  },
];
