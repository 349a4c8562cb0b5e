import { firstOf, rowsOf } from "./caller.ts";
import { billOf } from "./checks.ts";
import type { ChargeAt } from "./gateway.ts";
import type { Manager } from "./manager.ts";
import { toFen, type User } from "./user.ts";
import type { World } from "./world.ts";

interface Totals {
  count: number;
  unit: number;
  money: number;
}

/** Where lists and their totals are not what users and managers know, when all has settled. */
export async function listsWrong(
  world: World,
  of: { users: readonly User[]; managers: readonly Manager[]; charges: ReadonlyMap<string, ChargeAt> },
): Promise<string[]> {
  const found: string[] = [];
  const ofUsers = { count: 0, unit: 0, money: 0 };
  for (const { login } of of.users) {
    const known = [...world.journal.orders.values()].filter(
      (o) =>
        o.user === login.phone && of.charges.get(o.orderId)?.state === "finished" && o.told !== "cancelled",
    );
    const bills = known.map((o) => billOf(o, of.charges.get(o.orderId)));
    const wanted = {
      count: bills.length,
      unit: bills.reduce((sum, b) => sum + b.unit, 0),
      money: bills.reduce((sum, b) => sum + b.money, 0),
    };
    const list = await login.ask("getUserOrder", {});
    if (list === undefined) continue;
    found.push(...totalsWrong(`the list of ${login.phone}`, firstOf(list), rowsOf(list), wanted));
    for (const key of ["count", "unit", "money"] as const) ofUsers[key] += wanted[key];
    found.push(...(await coinListsWrong(world, login)));
  }
  const ofManagers = { count: 0, unit: 0, money: 0 };
  for (const { login } of of.managers) {
    const list = await login.ask("getOrderAll", {});
    if (list === undefined) continue;
    const said = totalsOf(firstOf(list));
    found.push(...totalsWrong(`the list of ${login.phone}`, firstOf(list), rowsOf(list), said));
    for (const key of ["count", "unit", "money"] as const) ofManagers[key] += said[key];
  }
  if (JSON.stringify(ofUsers) !== JSON.stringify(ofManagers)) {
    found.push(`users know of ${JSON.stringify(ofUsers)}, managers are listed ${JSON.stringify(ofManagers)}`);
  }
  return found;
}

const totalsOf = (page: Record<string, unknown> | undefined): Totals => ({
  count: Number(page?.totalCount),
  unit: Number(page?.totalUnit),
  money: toFen(page?.totalMoney),
});

function totalsWrong(
  what: string,
  page: Record<string, unknown> | undefined,
  rows: readonly Record<string, unknown>[],
  wanted: Totals,
): string[] {
  const said = totalsOf(page);
  const summed = {
    count: rows.length,
    unit: rows.reduce((sum, row) => sum + Number(row.unit), 0),
    money: rows.reduce((sum, row) => sum + toFen(row.money), 0),
  };
  return [
    ...(JSON.stringify(said) === JSON.stringify(wanted)
      ? []
      : [`${what} says ${JSON.stringify(said)}, acknowledged were ${JSON.stringify(wanted)}`]),
    ...(JSON.stringify(said) === JSON.stringify(summed)
      ? []
      : [`${what} says ${JSON.stringify(said)}, its rows sum to ${JSON.stringify(summed)}`]),
  ];
}

async function coinListsWrong(world: World, login: User["login"]): Promise<string[]> {
  const { journal } = world;
  const page = { startIndex: 0, pageSize: 1 };
  const count = async (method: string): Promise<number> => {
    const list = await login.ask(method, page);
    return list === undefined ? Number.NaN : Number(firstOf(list)?.totalCount);
  };
  const gifts = journal.gifts.filter((g) => g.from === login.phone || g.to === login.phone).length;
  const bought = [...journal.purchases.values()].filter((p) => p.user === login.phone && p.paid).length;
  const [listedGifts, listedBought] = [await count("getPmoneyGift"), await count("getPmoneyCharge")];
  return [
    ...(listedGifts === gifts ? [] : [`${login.phone} knows ${gifts} gifts, listed are ${listedGifts}`]),
    ...(listedBought === bought
      ? []
      : [`${login.phone} bought coins ${bought} times, listed are ${listedBought}`]),
  ];
}
