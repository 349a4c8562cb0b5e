import { parseArgs } from "node:util";
import { type ChargerProfile, chargerProfile } from "@bluepower/protocol/charger/profiles";
import { instant } from "@bluepower/protocol/clock";
import { wallTime } from "@bluepower/protocol/siteTime";
import { type ChipId, isChipId, isJamCode, type JamCode } from "@bluepower/protocol/units";
import { parseRadioChoice, type RadioChoice } from "./bleno.ts";

export const HELP = `bluepower-charger: the four-port charger in software, on the air as BUC_<chip>

  --chip ID          12 of 0-9A-Z, the chip ID; needed
  --jam-code CODE    6 of 0-9A-Z, when it is not the one derived from the chip ID
  --profile N        device profile, default 1
  --radio WHICH      hci (default: this machine's Bluetooth adapter, which must be down:
                     hciconfig hci0 down) or virtual:SOCKET (a unix socket that speaks H4)
  --speed N          the countdown runs N times faster; the charger's clock does not; default 1
  --state FILE       remaining time and damage are kept here and go on at the next start
  --control PORT     control port on 127.0.0.1, 0 for any free one
  --zone ZONE        the site's time zone, default Asia/Shanghai
  --chunk N          notifications of at most N bytes, to try a central's reader
  --verbose          log links and all frames, too
  --json             log JSON lines
  --help             this

On a terminal it draws a live picture with keys for faults; else it writes log lines.

Control port: GET /state; POST /fault {"kind": ..., "port", "ms", "times"} answers the new state.
  power-cut          no power for ms (default 3000), then it comes back
  port-damaged, port-repaired   port is needed; damage ends a charge
  drop-link          ends the connection
  silent             takes bytes and carries nothing out, until ms have passed or times frames
                     were ignored, whichever comes first; with neither for 60 s
  lose-reply         the next times (default 1) set commands are carried out and not answered
  delay              replies to the next times (default 1) set commands come ms late
  times 0 ends silent, lose-reply and delay. Queries are neither counted nor delayed by the
  last two. Fields that a kind does not use are checked and ignored.

Examples:
  bluepower-charger --chip A1B2C3D4E5F6
  bluepower-charger --chip A1B2C3D4E5F6 --speed 60 --state charger.json --control 8101
  bluepower-charger --chip A1B2C3D4E5F6 --radio virtual:/tmp/bt-server-le --json
  curl -d '{"kind": "power-cut", "ms": 2000}' http://127.0.0.1:8101/fault
`;

export interface Settings {
  chip: ChipId;
  jamCode: JamCode | undefined;
  profile: ChargerProfile;
  radio: RadioChoice;
  speed: number;
  state: string | undefined;
  control: number | undefined;
  zone: string;
  chunk: number | undefined;
  verbose: boolean;
  json: boolean;
}

/** Faster than this an hour is over before a central has polled once. */
const SPEED_MAX = 3600;

/** Reads the flags. A problem is one line that names the flag and what is allowed. */
export function readCommandLine(
  args: string[],
): { kind: "run"; settings: Settings } | { kind: "help" } | { kind: "refused"; problem: string } {
  let given: ReturnType<typeof parse>;
  try {
    given = parse(args);
  } catch (error) {
    const [line = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
    return { kind: "refused", problem: line };
  }
  if (given.help) return { kind: "help" };
  const refused = (problem: string) => ({ kind: "refused", problem }) as const;
  const chip = given.chip;
  if (chip === undefined) return refused("--chip is missing: 12 of 0-9A-Z");
  if (!isChipId(chip)) return refused(`--chip is 12 of 0-9A-Z, not ${JSON.stringify(chip)}`);
  const jamCode = given["jam-code"];
  if (jamCode !== undefined && !isJamCode(jamCode)) return refused("--jam-code is 6 of 0-9A-Z");
  const profile = chargerProfile(Number(given.profile));
  if (profile === undefined)
    return refused(`--profile is the number of a device profile, not ${JSON.stringify(given.profile)}`);
  const radio = parseRadioChoice(given.radio);
  if (radio === undefined)
    return refused(`--radio is hci or virtual:SOCKET, not ${JSON.stringify(given.radio)}`);
  const speed = Number(given.speed);
  if (!/^[0-9]+(\.[0-9]+)?$/.test(given.speed) || speed <= 0 || speed > SPEED_MAX) {
    return refused(`--speed is a number above 0, at most ${SPEED_MAX}, not ${JSON.stringify(given.speed)}`);
  }
  const control = wholeFlag(given.control, 0, 65_535);
  if (control === "wrong") return refused("--control is a port from 0 (any free one) to 65535");
  const chunk = wholeFlag(given.chunk, 1, 512);
  if (chunk === "wrong") return refused("--chunk is a number of bytes from 1 to 512");
  if (given.state === "") return refused("--state is the path of a file");
  if (!isZone(given.zone))
    return refused(`--zone is a time zone such as Asia/Shanghai, not ${JSON.stringify(given.zone)}`);
  const { state, zone, verbose, json } = given;
  return {
    kind: "run",
    settings: { chip, jamCode, profile, radio, speed, state, control, zone, chunk, verbose, json },
  };
}

function parse(args: string[]) {
  return parseArgs({
    args,
    options: {
      chip: { type: "string" },
      "jam-code": { type: "string" },
      profile: { type: "string", default: "1" },
      radio: { type: "string", default: "hci" },
      speed: { type: "string", default: "1" },
      state: { type: "string" },
      control: { type: "string" },
      zone: { type: "string", default: "Asia/Shanghai" },
      chunk: { type: "string" },
      verbose: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  }).values;
}

function wholeFlag(text: string | undefined, low: number, high: number): number | undefined | "wrong" {
  if (text === undefined) return undefined;
  const n = Number(text);
  return /^[0-9]{1,6}$/.test(text) && n >= low && n <= high ? n : "wrong";
}

function isZone(name: string): boolean {
  try {
    wallTime(instant(0), name);
    return true;
  } catch {
    return false;
  }
}
