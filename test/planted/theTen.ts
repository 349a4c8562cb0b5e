import type { Plant } from "./plant.ts";

/** The mistakes that must never get in, whatever else does. */
export const theTen: readonly Plant[] = [
  {
    name: "acknowledgement before the commit",
    file: "cloud/gateways/intake.ts",
    find: `      if (result.acked > cursor.last) {
        result.applied`,
    plant: `      const ack: Ack = {
        v: UPLINK_VERSION,
        sentAt: this.#clock.now(),
        stream: message.stream,
        acked: result.acked,
        re: message.no,
      };
      this.#publish(down.ack(asGatewayId(gatewayId)), JSON.stringify(ack));
      if (result.acked > cursor.last) {
        result.applied`,
    and: [
      {
        find: `    this.#publish(down.ack(asGatewayId(gatewayId)), JSON.stringify(ack));
    this.#commands.wake`,
        plant: "    this.#commands.wake",
      },
    ],
    caught: {
      file: "cloud/gateways/intake.test.ts",
      test: "the acknowledgement names the message, the stream and what is applied, and comes after the commit",
    },
  },
  {
    name: "cursor outside the transaction",
    file: "cloud/gateways/intake.ts",
    find: `        await tx
          .updateTable("gateway_cursor")
          .set({ lastSeq: result.acked, updateTime: now })
          .where("gatewayId", "=", gatewayId)
          .execute();
      }
      return result;
    });`,
    plant: `      }
      return result;
    }).then(async (result) => {
      if (result !== undefined && result.applied > 0) {
        await this.#db
          .updateTable("gateway_cursor")
          .set({ lastSeq: result.acked, updateTime: this.#clock.now() })
          .where("gatewayId", "=", gatewayId)
          .execute();
      }
      return result;
    });`,
    caught: {
      file: "cloud/gateways/intake.test.ts",
      test: "effects and cursor are one transaction: where the cursor cannot be written nothing has happened",
    },
  },
  {
    name: "missing deadline check",
    file: "gateway/supervisor/starting.ts",
    find: `if (facts.deadline === "past") {`,
    plant: "if (false) {",
    caught: {
      file: "gateway/supervisor/supervisor.test.ts",
      test: "a charger out of reach: failed at the deadline, and not switched on when it comes back",
    },
    elsewhere: ["test/sim/gateway.test.ts"],
  },
  {
    name: "slot not freed",
    file: "cloud/orders/words.ts",
    find: `  await freePort(tx, order.orderId);
  const { minutes, endReason } = word;`,
    plant: "  const { minutes, endReason } = word;",
    caught: { file: "cloud/orders/words.test.ts", test: "every state and every word of the gateway" },
    elsewhere: [
      "cloud/cli/cli.test.ts",
      "cloud/orders/charge.test.ts",
      "cloud/orders/overdue.test.ts",
      "cloud/payments/lives.test.ts",
      "cloud/api/user/orders.test.ts",
    ],
  },
  {
    name: "signature compared only by prefix",
    file: "protocol/http/signature.ts",
    find: "const raw = equalConstantTime(signature, base64(hash));",
    plant: `const raw = signature !== "" && base64(hash).startsWith(signature);`,
    caught: {
      file: "protocol/http/signature.test.ts",
      test: "refused > without padding",
      titles: "protocol/http/golden/signatures.json",
    },
  },
  {
    name: "owner not checked",
    file: "cloud/orders/stop.ts",
    find: "if (order === undefined || order.user !== of.user)",
    plant: "if (order === undefined)",
    caught: {
      file: "cloud/api/user/orders.test.ts",
      test: "another person's order is as one that does not exist, in every method",
    },
    elsewhere: ["cloud/orders/charge.test.ts", "test/conformance/conformance.test.ts"],
  },
  {
    name: "retry of a POWERON without STA",
    file: "gateway/supervisor/starting.ts",
    find: `    if (facts.sinceAttempt < facts.minutes * MINUTE + OVER) return { kind: "read" };`,
    plant: `    if (facts.sinceAttempt < facts.minutes * MINUTE + OVER) return { kind: "switch_on" };`,
    caught: {
      file: "gateway/supervisor/supervisor.test.ts",
      test: "the reply of POWERON is lost: the reading decides, no second POWERON",
    },
    elsewhere: ["gateway/supervisor/kill.test.ts", "test/sim/gateway.test.ts"],
  },
  {
    name: "notification not compared with the order",
    file: "cloud/payments/notifications.ts",
    find: "const wrong = mismatch(row, state);",
    plant: "const wrong: string | undefined = undefined;",
    caught: {
      file: "cloud/payments/payments.test.ts",
      test: "a notification that is not ours is refused and changes nothing > amount",
    },
  },
  {
    name: "hold not given back",
    file: "cloud/payments/orderPayment.ts",
    find: "  if (attempt.pmoney > 0) {",
    plant: "  if (attempt.pmoney > 0 && attempt.cash === 0) {",
    caught: {
      file: "cloud/payments/payments.test.ts",
      test: "the payment is closed at WeChat, the coins are back, the bill waits again",
    },
    elsewhere: [
      "cloud/payments/lives.test.ts",
      "cloud/payments/money.test.ts",
      "cloud/api/user/orders.test.ts",
    ],
  },
  {
    name: "outbox row deleted before the ack",
    file: "gateway/store/journal.ts",
    find: `  trim(): void {
    const acknowledged = this.acknowledged();`,
    plant: `  trim(): void {
    const acknowledged = this.last();`,
    caught: {
      file: "test/sim/gatewayOutbox.test.ts",
      test: "acknowledged entries stay 72 hours of running; others for ever; numbers are never used again",
    },
  },
];
