import { chipId } from "@bluepower/protocol/units";
import fc from "fast-check";
import { expect, it } from "vitest";
import { decodeFromWorker, decodeToWorker, type FromWorker, type ToWorker } from "./ipc.ts";

const chip = chipId("A1B2C3D4E5F6");
const toWorker: ToWorker[] = [
  { kind: "connect", request: 1, chip, profile: { service: "ffe0", write: "ffe1", notify: "ffe2" } },
  { kind: "cancel", request: 1 },
  { kind: "write", request: 2, link: 3, bytes: Uint8Array.of(64, 38) },
  { kind: "close", link: 3 },
  { kind: "stop" },
];
const fromWorker: FromWorker[] = [
  { kind: "up", address: "02:b0:c0:00:00:01" },
  { kind: "heartbeat" },
  { kind: "sighting", chip, rssi: -60 },
  { kind: "connected", request: 1, link: 3 },
  { kind: "not_connected", request: 1, failure: { kind: "absent" } },
  { kind: "not_connected", request: 1, failure: { kind: "cancelled" } },
  { kind: "not_connected", request: 1, failure: { kind: "limit" } },
  { kind: "not_connected", request: 1, failure: { kind: "failed", step: "discover", detail: "lost" } },
  { kind: "written", request: 2, outcome: "closed" },
  { kind: "bytes", link: 3, bytes: Uint8Array.of(64) },
  { kind: "closed", link: 3, reason: "gone" },
  { kind: "ending", reason: "stopped" },
];

it("every message survives a structured clone", () => {
  for (const message of toWorker) expect(decodeToWorker(structuredClone(message))).toEqual(message);
  for (const message of fromWorker) expect(decodeFromWorker(structuredClone(message))).toEqual(message);
});

it("a message without one of its fields, or with one of another type, is none", () => {
  for (const [messages, decode] of [
    [toWorker, decodeToWorker],
    [fromWorker, decodeFromWorker],
  ] as const) {
    for (const message of messages) {
      for (const field of Object.keys(message)) {
        expect(decode({ ...message, [field]: undefined })).toBeUndefined();
        expect(decode({ ...message, [field]: { strange: true } })).toBeUndefined();
      }
    }
  }
});

it("nothing that may come throws", () => {
  fc.assert(
    fc.property(fc.anything(), (message) => {
      decodeToWorker(message);
      decodeFromWorker(message);
    }),
  );
});
