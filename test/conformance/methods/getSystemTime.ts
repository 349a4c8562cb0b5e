import type { MethodFixture } from "../fixture.ts";

const success = { data: [{ time: "20261122103000" }], change: {} };

export default {
  side: "user",
  auth: "open",
  own: {},
  success,
  parameters: {},
  objects: "it names no object",
} satisfies MethodFixture;
