// Every call of the user's and the manager's interface against a running `npm start`, with nothing but Node, written from
// the documents alone. Each step is held against them – code, reason, values, and the form in /openapi.json – and the
// first difference ends the tour with exit code 1. It takes DEMO0003 and gives it back, so it can be run again.
//   node docs/examples/tour.mjs
import { Caller, page } from "./tour/caller.mjs";
import { blackList, charge, chargeForCoins, lists } from "./tour/charge.mjs";
import { deviceCode, giveBack, handOver, setUpCharger, takeCharger } from "./tour/charger.mjs";
import { documents, methods, taken } from "./tour/documented.mjs";
import { clearLeftOvers } from "./tour/left.mjs";
import { buyCoins, giveCoins, payBill, withdraw, withdrawable } from "./tour/money.mjs";
import { introduce, login, strangers } from "./tour/people.mjs";

const coinFen = Number(process.env.COIN_FEN ?? 100);
const cashOutRate = Number(process.env.CASHOUT_RATE ?? 0.006);

const everyone = {
  anyone: new Caller("anyone", "user"),
  user1: await login("user 1", "user", "13800000001", "demo-user-1", "encryptData"),
  user2: await login("user 2", "user", "13800000002", "demo-user-2", "code"),
  manager1: await login("manager 1", "manager", "13900000001", "demo-manager-1", "encryptData"),
  manager2: await login("manager 2", "manager", "13900000002", "demo-manager-2", "code"),
};
await clearLeftOvers(everyone);
const { user1, user2, manager1, manager2 } = everyone;

const people = await introduce(everyone);
await strangers(everyone, people);

const cashBefore = await withdrawable(everyone);
const chargers = await takeCharger(everyone);
await setUpCharger(everyone);

const bill = await charge(everyone);
await buyCoins(everyone, people, 5);
const coins = people.me.pmoney + 5;
await giveCoins(everyone, people, coins, 2);
const paid = await payBill(everyone, bill, coins - 2, 2, coinFen);
const theirs = await lists(everyone, people, paid);
await blackList(everyone, people);

documents("unitPrice 0.01–99.99.");
await manager1.does("setDeviceValue", { deviceCode, unitPrice: coinFen / 100 });
const ofUser1 = await chargeForCoins(user1, 2, 1, coinFen);
await handOver(everyone, chargers, async () => {
  const ofUser2 = await chargeForCoins(user2, 3, 2, coinFen);
  documents(
    "The manager of an order is who managed the device when it was made; a transfer moves no history.",
  );
  await manager2.gets("getOrderAll", { orderId: ofUser2 }, { totalCount: 1, abstractList: [{ pmoney: 2 }] });
  await manager2.gets("getOrderCashList", page(1), {
    abstractList: [{ orderId: ofUser2, user: user2.phone }],
  });
  await manager1.gets("getOrderAll", { orderId: ofUser2 }, { totalCount: 0, abstractList: [] });
  await manager1.gets("getOrderAll", { orderId: theirs.orderId }, { totalCount: 1, abstractList: [theirs] });
});
documents("Held coins are not in pmoney, and spent ones are gone.");
await user1.gets("getUserInfo", {}, [{ pmoney: people.me.pmoney, order: 0 }]);
await user2.gets("getUserInfo", {}, [{ pmoney: people.friend.pmoney, order: 0 }]);

const orders = [{ orderId: ofUser1, pmoney: 1, cash: 0, payState: "paid" }, theirs];
await withdraw(everyone, people, cashBefore, orders, 470 + coinFen, cashOutRate);
await giveBack(everyone, chargers);

console.log(`\n${taken()} steps, ${methods()}, all as documented`);
