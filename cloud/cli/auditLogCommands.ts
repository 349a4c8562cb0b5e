import { auditLog } from "../identity/auditLog.ts";
import { maySee } from "./actor.ts";
import { command, optional, toggle } from "./command.ts";
import { maskedPhones, table } from "./output.ts";
import { fromDate, shownTime, span, toDate } from "./span.ts";
import { textValue } from "./values.ts";

/** Enough for a list on a terminal. */
const LIST_MAX = 10_000;

const log = command({
  name: "audit log",
  role: "viewer",
  summary: "Show who did what, the newest first, at most 10,000 entries.",
  argument: null,
  flags: {
    who: optional("NAME", textValue(60), "an account, a phone number, or as the log has it: operator:li"),
    what: optional("DEED", textValue(60), "a deed, cashout.pay, or what comes before its dot, cashout"),
    object: optional("ID", textValue(60), "what it was done to: a code, an order, a phone number"),
    from: fromDate,
    to: toDate,
    full: toggle("show whole phone numbers; their middle is left out otherwise"),
  },
  examples: ["audit log --what cashout --from 2026-11-01", "audit log --who li --full --json"],
  async run({ flags: { who, what, object, full, ...days } }, { db, zone, actor }) {
    const hidden = maySee(actor, "full", full === true);
    if (hidden !== undefined) return hidden;
    const of = span(days, zone);
    if ("problem" in of) return of;
    const found = await auditLog(db, { who, what, object, ...of }, LIST_MAX);
    const text = (t: string) => (full === true ? t : maskedPhones(t));
    const list = found.map((e) => ({
      time: shownTime(e.insertTime, zone),
      who: text(e.who),
      what: e.what,
      object: text(e.object),
      detail: text(e.detail),
    }));
    const rows = list.map((e) => [e.time ?? "", e.who, e.what, e.object, e.detail]);
    return { text: table(["TIME", "WHO", "WHAT", "OBJECT", ""], rows, "nothing is noted"), json: list };
  },
});

export const auditLogCommands = [log];
