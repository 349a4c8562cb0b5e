/** Values that have broken programs elsewhere. Each is sent for each parameter. */
export const hostile = {
  sql: "' or '1'='1",
  sqlStatement: "1;drop table user_info;--",
  markup: "<script>alert(1)</script>",
  path: "../../../../etc/passwd",
  template: "#{7*7}{{7*7}}%s%n",
  prototype: "__proto__",
  headerSplit: "a\r\nSet-Cookie: a=b",
  nul: "1\u0000",
  trailingLineEnd: "1\n",
  loneSurrogate: "\ud800",
  rightToLeft: "\u202e1",
  wideDigits: "１２３４５６７８９０１",
  arabicDigits: "١",
  huge: "9".repeat(20_000),
  exponent: "1e1",
  hexadecimal: "0x1",
  plus: "+1",
  negative: "-1",
  leadingBlank: " 1",
  leadingZero: "01",
  notANumber: "NaN",
  infinite: "Infinity",
  beyondDouble: "9007199254740993",
  json: '{"$ne":null}',
} as const satisfies Record<string, string>;

export type HostileName = keyof typeof hostile;
