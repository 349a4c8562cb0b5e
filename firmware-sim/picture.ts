import type { ChargerView, Led } from "./charger.ts";

export interface PictureOf {
  /** The advertised name. */
  name: string;
  speed: number;
  view: ChargerView;
  /** `starting`, or the adapter's address. */
  radio: string;
  control: string | undefined;
  faults: string[];
  /** Alternates with each drawing, for what blinks. */
  phase: boolean;
}

const ESC = "\x1b[";
const paint = (code: string, text: string): string => `${ESC}${code}m${text}${ESC}0m`;
const green = (text: string): string => paint("32", text);
const red = (text: string): string => paint("31", text);
const dim = (text: string): string => paint("2", text);
const bold = (text: string): string => paint("1", text);

const KEYS = [
  "1-4 damage/repair",
  "p power",
  "d drop link",
  "s silent",
  "l lose a reply",
  "y delay a reply",
  "q quit",
];

/** The charger as lines of text with colours, none wider than `columns`, at most `rows` of them. */
export function picture(of: PictureOf, size: { columns: number; rows: number }): string[] {
  const { view } = of;
  const ports = view.ports.map((p) => {
    const led = lamp(p.led, of.phase);
    if (p.state === "damaged") return `  USB ${p.port} 端口  ${led}  ${red("damaged 损坏")}`;
    if (p.state === "free") return `  USB ${p.port} 端口  ${led}  ${dim("free 空闲")}`;
    return `  USB ${p.port} 端口  ${led}  ${String(p.minutesLeft).padStart(3)} min left 剩余`;
  });
  const head = [
    `${bold(of.name)}  ${dim(`radio ${of.radio}${of.control === undefined ? "" : `   control ${of.control}`}`)}`,
    "",
    `  36 V 电源   ${lamp(view.supplyLed, of.phase)}  ${view.powered ? "on" : red("no power 断电")}`,
    ...ports,
    "",
    `  clock 时钟   ${view.clock === "unset" ? red("unset 未设置") : wallText(view.clock)}${of.speed === 1 ? "" : `   countdown ×${of.speed}`}`,
    `  link 连接    ${view.connected ? green("connected 已连接") : dim(view.powered ? "advertising 广播" : "-")}`,
    `  faults 故障  ${of.faults.length === 0 ? dim("-") : red(of.faults.join(", "))}`,
    "",
  ];
  const foot = keyLines(size.columns);
  const body = head.slice(0, Math.max(0, size.rows - foot.length));
  const room = size.rows - body.length - foot.length - 1;
  const frames = room <= 0 ? [] : view.frames.slice(-room);
  const traffic = frames.map(
    ({ direction, text }) => `  ${direction === "in" ? "▶" : dim("◀")} ${printable(text)}`,
  );
  const gap = room > 0 ? [""] : [];
  return [...body, ...traffic, ...gap, ...foot].slice(-size.rows).map((line) => clip(line, size.columns));
}

/** The keys in as many lines as they need. */
function keyLines(columns: number): string[] {
  const lines: string[] = [];
  for (const key of KEYS) {
    const last = lines.at(-1);
    const longer = `${last}   ${key}`;
    if (last === undefined || longer.length > columns) lines.push(key);
    else lines[lines.length - 1] = longer;
  }
  return lines.map(dim);
}

function lamp(led: Led, phase: boolean): string {
  if (led === "on" || (led === "blinking" && phase)) return green("●");
  return dim("○");
}

/** `YYMMDDHHMMSS` for people. */
const wallText = (t: string): string =>
  `20${t.slice(0, 2)}-${t.slice(2, 4)}-${t.slice(4, 6)} ${t.slice(6, 8)}:${t.slice(8, 10)}:${t.slice(10, 12)}`;

/** What a central sends may hold any byte; a terminal must not obey it. */
const printable = (text: string): string => text.replace(/[^\x20-\x7e]/g, "·");

/** Cuts a line at a number of columns; a Chinese character takes two, a colour none. */
export function clip(line: string, columns: number): string {
  let out = "";
  let width = 0;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character begins every colour
  for (const [part] of line.matchAll(/\x1b\[[0-9;]*m|./gu)) {
    if (part.startsWith("\x1b")) {
      out += part;
      continue;
    }
    width += part >= "\u2e80" && part <= "\uffe6" ? 2 : 1;
    if (width > columns) return `${out}${ESC}0m`;
    out += part;
  }
  return out;
}
