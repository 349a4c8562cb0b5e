import { grantVip, VIP_MONTHS_MAX, vipUntil } from "../people/vip.ts";
import { command, required } from "./command.ts";
import { shownTime } from "./span.ts";
import { phoneValue, textValue, wholeValue } from "./values.ts";

const PHONE = { name: "PHONE", parse: phoneValue };
const unknown = (phone: string) => ({ problem: `there is no user ${phone}` });

const vipGrant = command({
  name: "vip grant",
  role: "cashier",
  summary: "Make a user VIP for some months, from now or from the end of what there is.",
  argument: PHONE,
  flags: {
    months: required("N", wholeValue(1, VIP_MONTHS_MAX), "how many months of the calendar"),
    reason: required("TEXT", textValue(200), "why, for the audit log"),
  },
  examples: ["vip grant 13800000001 --months 3 --reason paid-in-cash"],
  async run({ argument: user, flags: { months, reason } }, { change, zone }) {
    const granted = await change((tx, by) => grantVip(tx, { user, months, reason, zone }, by));
    if (granted.kind === "user_unknown") return unknown(user);
    const until = shownTime(granted.until, zone);
    return { text: `user ${user} is VIP until ${until}`, json: { user, vipUntil: until } };
  },
});

const vipShow = command({
  name: "vip show",
  role: "viewer",
  summary: "Show until when a user is VIP.",
  argument: PHONE,
  flags: {},
  examples: ["vip show 13800000001"],
  async run({ argument: user }, { db, clock, zone }) {
    const until = await vipUntil(db, user);
    if (until === undefined) return unknown(user);
    const vip = until !== null && until > clock.now();
    const shown = shownTime(until, zone);
    const text = vip ? `is VIP until ${shown}` : shown === null ? "was never VIP" : `was VIP until ${shown}`;
    return { text: `user ${user} ${text}`, json: { user, vip, vipUntil: shown } };
  },
});

export const vipCommands = [vipGrant, vipShow];
