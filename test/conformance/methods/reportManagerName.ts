import { answered, type MethodFixture } from "../fixture.ts";
import { MANAGER } from "../world.ts";

const SESSION = { code: 4, reason: "SESSION" } as const;
const data = [{ result: 0, reason: "" }];
const named = (managerName: string) => ({
  data,
  change: {
    manager_info: { changed: [{ of: 1, from: { managerName: "丙" }, to: { managerName } }] },
    answered_call: {
      added: [answered("manager", "reportManagerName", '[{"result":0,"reason":""}]')],
    },
  },
});

export default {
  side: "manager",
  auth: "session",
  own: { manager: MANAGER, managerName: " 张三丰 " },
  success: named("张三丰"),
  parameters: {
    manager: {
      refused: SESSION,
      missing: { code: 3, reason: "PARAMETER", says: "manager: missing, 11 digits beginning with 1" },
      wrongType: [13900000001.5, "me"],
      outOfRange: ["1380000000", "138000000011", "23800000001"],
    },
    managerName: {
      refused: { code: 3, reason: "PARAMETER", says: "managerName: 1 to 32 characters" },
      missing: { code: 3, reason: "PARAMETER", says: "managerName: missing, 1 to 32 characters" },
      wrongType: ["\t", "a\u0007b"],
      outOfRange: ["   ", "一".repeat(33), "a".repeat(33), "a\u2028b", "a\u2029b"],
      hostileInForm: {
        names: [
          "sql",
          "sqlStatement",
          "markup",
          "path",
          "template",
          "prototype",
          "trailingLineEnd",
          "rightToLeft",
          "wideDigits",
          "arabicDigits",
          "exponent",
          "hexadecimal",
          "plus",
          "negative",
          "leadingBlank",
          "leadingZero",
          "notANumber",
          "infinite",
          "beyondDouble",
          "json",
        ],
        expected: (value) => named(value.trim()),
      },
    },
  },
  objects: "it names the caller only: another's name stands among the cases of the session",
  pending: "allowed",
} satisfies MethodFixture;
