import { answered, type MethodFixture } from "../fixture.ts";
import { ME } from "../world.ts";

const SESSION = { code: 4, reason: "SESSION" } as const;
const data = [{ result: 0, reason: "", cause: "" }];
const named = (userName: string) => ({
  data,
  change: {
    user_info: { changed: [{ of: 1, from: { userName: "甲" }, to: { userName } }] },
    answered_call: {
      added: [answered("user", "reportUserName", '[{"result":0,"reason":"","cause":""}]')],
    },
  },
});

export default {
  side: "user",
  auth: "session",
  own: { user: ME, userName: " 张三丰 " },
  success: named("张三丰"),
  parameters: {
    user: {
      refused: SESSION,
      missing: { code: 3, reason: "PARAMETER", says: "user: missing, 11 digits beginning with 1" },
      wrongType: [13800000001.5, "me"],
      outOfRange: ["1380000000", "138000000011", "23800000001"],
    },
    userName: {
      refused: { code: 3, reason: "PARAMETER", says: "userName: 1 to 32 characters" },
      missing: { code: 3, reason: "PARAMETER", says: "userName: missing, 1 to 32 characters" },
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
} satisfies MethodFixture;
