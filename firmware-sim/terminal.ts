import type { Clock } from "@bluepower/protocol/clock";
import { millis } from "@bluepower/protocol/clock";

/** The part of `process.stdout` that is used here. */
export interface Screen {
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
  on(event: "resize", listener: () => void): unknown;
}

/** The part of `process.stdin` that is used here. */
export interface Keyboard {
  setRawMode(raw: boolean): unknown;
  setEncoding(encoding: "utf8"): unknown;
  on(event: "data", listener: (text: string) => void): unknown;
  resume(): unknown;
  pause(): unknown;
}

const DRAW_EVERY = millis(500);

/** Alternate screen and hidden cursor, so that what stood on the terminal is there again afterwards. */
const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";
const HOME = "\x1b[H";
const ERASE_LINE = "\x1b[K";
const ERASE_BELOW = "\x1b[J";
const CTRL_C = "\x03";

/** A live picture on the terminal. `draw` wants it soon, `close` restores the terminal, as often as it is called. */
export function openTerminal(of: {
  screen: Screen;
  keyboard: Keyboard;
  clock: Clock;
  lines: (size: { columns: number; rows: number }, phase: boolean) => string[];
  key: (key: string) => void;
}): { draw: () => void; close: () => void } {
  const { screen, keyboard, clock } = of;
  let open = true;
  let phase = false;
  let wanted = false;

  const paint = (): void => {
    if (!open) return;
    const lines = of.lines({ columns: screen.columns ?? 80, rows: screen.rows ?? 24 }, phase);
    screen.write(`${HOME}${lines.map((line) => line + ERASE_LINE).join("\r\n")}${ERASE_BELOW}`);
  };
  const draw = (): void => {
    if (wanted) return;
    wanted = true;
    clock.after(millis(0), "draw", () => {
      wanted = false;
      paint();
    });
  };
  const tick = (): void => {
    if (!open) return;
    phase = !phase;
    paint();
    clock.after(DRAW_EVERY, "picture", tick);
  };

  screen.write(ENTER);
  keyboard.setRawMode(true);
  keyboard.setEncoding("utf8");
  keyboard.on("data", (text) => {
    for (const key of text) of.key(key === CTRL_C ? "q" : key);
    draw();
  });
  keyboard.resume();
  screen.on("resize", draw);
  tick();
  return {
    draw,
    close() {
      if (!open) return;
      open = false;
      keyboard.setRawMode(false);
      keyboard.pause();
      screen.write(LEAVE);
    },
  };
}
