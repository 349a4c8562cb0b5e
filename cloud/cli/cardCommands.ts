import { addCard, listCards, removeCard } from "../cards/cards.ts";
import { maySee } from "./actor.ts";
import { command, optional, required, toggle } from "./command.ts";
import { masked, table } from "./output.ts";
import { shownTime } from "./span.ts";
import { cardNoValue, oneOfValue, phoneValue } from "./values.ts";

const NUMBER = { name: "NUMBER", parse: cardNoValue };
/** Enough for a list on a terminal. */
const LIST_MAX = 10_000;

const cardAdd = command({
  name: "card add",
  summary: "Issue a card to charge with; its user binds it.",
  argument: NUMBER,
  flags: { kind: required("KIND", oneOfValue("physical", "virtual"), "physical or virtual") },
  examples: ["card add 0000000001 --kind physical", "card add 111111786 --kind virtual"],
  async run({ argument: cardNo, flags: { kind } }, { change }) {
    const outcome = await change((tx, by) => addCard(tx, { cardNo, kind }, by));
    if (outcome === "exists") return { problem: `there is a card ${cardNo} already` };
    return { text: `card ${cardNo} is issued`, json: { cardNo, kind } };
  },
});

const cardList = command({
  name: "card list",
  role: "viewer",
  summary: "List the cards and whose they are.",
  argument: null,
  flags: {
    user: optional("PHONE", phoneValue, "those of one user"),
    phones: toggle("show whole phone numbers; their middle is left out otherwise"),
  },
  examples: ["card list", "card list --user 13800000001 --json"],
  async run({ flags: { user, phones } }, { db, zone, actor }) {
    const hidden = maySee(actor, "phones", phones === true);
    if (hidden !== undefined) return hidden;
    const list = (await listCards(db, { user, limit: LIST_MAX })).map((c) => ({
      ...c,
      user: c.user === null || phones === true ? c.user : masked(c.user),
      setupTime: shownTime(c.setupTime, zone),
    }));
    const rows = list.map((c) => [c.cardNo, c.kind, c.user ?? "-", c.setupTime ?? ""]);
    return { text: table(["NUMBER", "KIND", "USER", "SINCE"], rows, "no card yet"), json: list };
  },
});

const cardRemove = command({
  name: "card remove",
  summary: "Take a card back, also one that somebody has bound: nothing is charged with it any more.",
  argument: NUMBER,
  flags: {},
  examples: ["card remove 0000000001"],
  async run({ argument: cardNo }, { change }) {
    const removed = await change((tx, by) => removeCard(tx, cardNo, by));
    if (removed.kind === "unknown") return { problem: `there is no card ${cardNo}` };
    const user = removed.user === null ? null : masked(removed.user);
    return {
      text: `card ${cardNo} is removed${user === null ? "" : `; it was bound by ${user}`}`,
      json: { cardNo, user },
    };
  },
});

export const cardCommands = [cardAdd, cardList, cardRemove];
