import type { Plant } from "./plant.ts";

/** Who may do what, and how often. */
export const callerPlants: readonly Plant[] = [
  {
    name: "session of the other side accepted",
    file: "cloud/identity/sessions.ts",
    find: ".where((e) => e.and({ side: asked.side, session: asked.session }))",
    plant: `.where("session", "=", asked.session)`,
    caught: {
      file: "cloud/api/serve.test.ts",
      test: "no session, an unknown one, one of the other side, one without a phone number",
    },
    elsewhere: ["test/conformance/conformance.test.ts"],
  },
  {
    name: "a session that never ends",
    file: "cloud/identity/sessions.ts",
    find: "if (row === undefined || asked.now - row.updateTime > SESSION_LIFE_MS) return undefined;",
    plant: "if (row === undefined) return undefined;",
    caught: { file: "cloud/api/serve.test.ts", test: "a session lives thirty days from its last use" },
    elsewhere: ["test/conformance/conformance.test.ts"],
  },
  {
    name: "former openid keeps its sessions",
    file: "cloud/identity/sessions.ts",
    find: `    .where((e) => e.and({ side, phone }))
    .where("openId", "!=", openId)`,
    plant: `    .where((e) => e.and({ side, phone, openId: "" }))
    .where("openId", "!=", openId)`,
    caught: {
      file: "cloud/api/people.test.ts",
      test: "to another openid: the former one's sessions end, which is audited; others' go on",
    },
  },
  {
    name: "session for another's number",
    file: "cloud/api/identify.ts",
    find: "if (row === undefined || named.some((phone) => phone !== row.phone)) return",
    plant: "if (row === undefined) return",
    caught: {
      file: "cloud/api/serve.test.ts",
      test: "a session for another's number is refused, before the parameters are looked at",
    },
    elsewhere: ["test/conformance/conformance.test.ts"],
  },
  {
    name: "timestamp window open to the future",
    file: "cloud/api/serve.ts",
    find: "Math.abs(seconds - clock.now() / 1000) > TIMESTAMP_TOLERANCE",
    plant: "clock.now() / 1000 - seconds > TIMESTAMP_TOLERANCE",
    caught: { file: "cloud/api/serve.test.ts", test: "a timestamp > s from the server's clock: code" },
    elsewhere: ["test/conformance/conformance.test.ts"],
  },
  {
    name: "key of the other app opens the method",
    file: "cloud/api/serve.ts",
    find: "const app = config.apps[endpoint.side];",
    plant: `const app = parameters.get("appId") === config.apps.user.appId ? config.apps.user : config.apps.manager;`,
    caught: {
      file: "cloud/api/serve.test.ts",
      test: "an unknown app and the app of the other side are code 4, before anything else is looked at",
    },
    elsewhere: ["test/conformance/conformance.test.ts"],
  },
  {
    name: "a pending manager may act",
    file: "cloud/api/serve.ts",
    find: `if (row?.approved !== 1) refuse("MANAGER_PENDING");`,
    plant: `if (row === undefined) refuse("MANAGER_PENDING");`,
    caught: { file: "cloud/api/serve.test.ts", test: "a manager waits for approval" },
  },
  {
    name: "exactly once without the method",
    file: "cloud/api/serve.ts",
    find: "        method: endpoint.name,\n        signature",
    plant: `        method: "",\n        signature`,
    caught: {
      file: "cloud/api/repeats.test.ts",
      test: "another method with the same parameters, and so with the same signature, is another call",
    },
    elsewhere: ["test/conformance/conformance.test.ts"],
  },
  {
    name: "answered calls kept for refusals",
    file: "cloud/api/answeredCalls.ts",
    find: `      transaction(db, async (tx) => {
        const stored = await claim(tx, key);
        if (stored !== null) return`,
    plant: `      transaction(db, (tx) => claim(tx, key)).then((stored) => transaction(db, async (tx) => {
        if (stored !== null) return`,
    and: [
      {
        find: "        return { repeat: false, value };\n      });",
        plant: "        return { repeat: false, value };\n      }));",
      },
    ],
    caught: { file: "cloud/api/repeats.test.ts", test: "a refusal is not kept: the call may succeed later" },
    elsewhere: ["test/conformance/conformance.test.ts"],
  },
  {
    name: "answers forgotten while their call still passes",
    file: "cloud/api/answeredCalls.ts",
    find: "const KEPT_MS = 15 * 60_000;",
    plant: "const KEPT_MS = 4 * 60_000;",
    caught: { file: "cloud/api/repeats.test.ts", test: "answers are forgotten after 15 minutes" },
  },
  {
    name: "another's payment asked for",
    file: "cloud/api/user/queryOrderPay.ts",
    find: `      .where("user", "=", caller.phone)\n`,
    plant: "",
    caught: {
      file: "cloud/api/user/orders.test.ts",
      test: "another person's order is as one that does not exist, in every method",
    },
    elsewhere: ["test/conformance/conformance.test.ts"],
  },
  {
    name: "another's order paid",
    file: "cloud/payments/attempts.ts",
    find: "if (order === undefined || order.user !== user)",
    plant: "if (order === undefined)",
    caught: { file: "cloud/payments/payments.test.ts", test: "is refused for > another's order" },
    elsewhere: ["test/conformance/conformance.test.ts"],
  },
];
