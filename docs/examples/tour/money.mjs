// Coins are bought and given, a bill is paid with coins and cash, a manager withdraws what was paid.
import { page, time, yuan } from "./caller.mjs";
import { apps, fresh, payInSandbox, send } from "./client.mjs";
import { documents } from "./documented.mjs";

const count = (n) => n >= 0;

export async function buyCoins({ user1 }, { me }, pmoney) {
  documents("List the coins that the caller has bought, newest first.");
  const { totalCount } = await user1.gets("getPmoneyCharge", page(1), { totalCount: count });
  documents("payId: P, last 4 of the phone, 6; package is a JSON text.");
  const ordered = [{ payId: /^P0001\d{6}$/, package: /^\{/ }];
  const [pay] = await user1.gets("newPmoneyCharge", { pmoney }, ordered);
  const { payId } = pay;
  documents("result 1 carries reason PENDING or FAILED; nothing is bought before it is paid.");
  await user1.fails("queryPmoneyPay", { payId }, "PENDING");
  await user1.gets("getUserInfo", {}, [{ pmoney: me.pmoney }]);
  documents("Paid is what a notification or a query says, whichever comes first, once.");
  await payInSandbox(pay, "twice");
  await user1.soonGets("queryPmoneyPay", { payId }, [{ result: 0, reason: "" }]);
  await user1.gets("getUserInfo", {}, [{ pmoney: me.pmoney + pmoney }]);
  documents("getPmoneyCharge answers a page, newest first.");
  const bought = { payId, pmoney, payTime: time };
  await user1.gets("getPmoneyCharge", page(1), { totalCount: totalCount + 1, abstractList: [bought] });
}

export async function giveCoins({ user1, user2 }, { me, friend }, have, pmoney) {
  documents("List the coins that the caller has given and got.");
  const { totalCount } = await user1.gets("getPmoneyGift", page(1), { totalCount: count });
  const give = { userFrom: user1.phone, userTo: user2.phone, pmoney };
  documents("Between two known users, never to oneself (code 3), never below zero.");
  await user1.refused("newPmoneyGift", { ...give, userTo: user1.phone }, 3, "PARAMETER");
  await user1.refused("newPmoneyGift", { ...give, userTo: "10000000000" }, 3, "USER_UNKNOWN");
  await user1.refused("newPmoneyGift", { ...give, pmoney: have + 1 }, 5, "COINS_SHORT");
  documents("The session must be that of userFrom.");
  await user1.refused("newPmoneyGift", { ...give, userFrom: user2.phone }, 4, "SESSION");
  documents("A change that is sent again with the same signature is carried out once and answered alike.");
  const body = await fresh(apps.user, "newPmoneyGift", { ...user1.who, ...give });
  const done = { code: 0, reason: undefined, data: [{ result: 0, reason: "" }] };
  user1.holds("newPmoneyGift", done, await send("user", "newPmoneyGift", body));
  user1.holds("newPmoneyGift", done, await send("user", "newPmoneyGift", body));
  await user1.gets("getUserInfo", {}, [{ pmoney: have - pmoney }]);
  await user2.gets("getUserInfo", {}, [{ pmoney: friend.pmoney + pmoney }]);
  documents("giftId: G, 2, 2, 6; fromTo 0 given, 1 got; the other one's number and name.");
  const gift = { giftId: /^G0102\d{6}$/, pmoney, giftTime: time };
  const given = { ...gift, fromTo: 0, user: user2.phone, name: friend.userName };
  const got = { ...gift, fromTo: 1, user: user1.phone, name: me.userName };
  await user1.gets("getPmoneyGift", page(1), { totalCount: totalCount + 1, abstractList: [given] });
  await user2.gets("getPmoneyGift", page(1), { abstractList: [got] });
}

const isH5 = (text) => new URL(JSON.parse(text).h5_url).protocol.startsWith("http");
const isJsapi = (text) => {
  const { timeStamp, nonceStr, package: prepay, signType, paySign } = JSON.parse(text);
  return [timeStamp, nonceStr, prepay, signType, paySign].every(Boolean);
};

/** Pays the bill with `pmoney` of the coins that the user has, the rest with WeChat Pay; answers the paid bill. */
export async function payBill({ user1, user2 }, bill, have, pmoney, coinFen) {
  const { orderId } = bill;
  const cashFen = Math.round(bill.money * 100) - pmoney * coinFen;
  const pay = { orderId, money: yuan(bill.money * 100), pmoney, cash: yuan(cashFen) };
  documents("pmoney coins × coin value + cash must equal money exactly.");
  await user1.refused("payPowerOrder", { ...pay, cash: yuan(cashFen - 1) }, 3, "AMOUNT_MISMATCH");
  documents("The order or payment must be the caller's.");
  await user2.refused("payPowerOrder", pay, 5, "NOT_YOURS");
  documents('channel h5: package is {"h5_url"}.');
  await user1.gets("payPowerOrder", { ...pay, channel: "h5" }, [{ package: isH5 }]);
  documents("Coins are held when the payment starts; pmoney is spendable coins.");
  await user1.gets("getUserInfo", {}, [{ pmoney: have - pmoney, order: 1 }]);
  documents("A new attempt closes the old one; jsapi: timeStamp, nonceStr, package, signType, paySign.");
  const [open] = await user1.gets("payPowerOrder", pay, [{ package: isJsapi }]);
  await user1.gets("getUserInfo", {}, [{ pmoney: have - pmoney }]);
  documents("unpaid → paying → paid; result 1 carries reason PENDING or FAILED.");
  await user1.gets("getPowerOrder", { orderId }, [{ payState: "paying" }]);
  await user1.fails("queryOrderPay", { orderId }, "PENDING");
  await payInSandbox(open, "once");
  await user1.soonGets("queryOrderPay", { orderId }, [{ result: 0, reason: "" }]);
  const paid = { ...bill, payState: "paid", pmoney, cash: cashFen / 100, payTime: time };
  const [{ orderTime }] = await user1.gets("getPowerOrder", { orderId }, [paid]);
  await user1.gets("getUserInfo", {}, [{ pmoney: have - pmoney, order: 0 }]);
  await user1.gets("getOrderPay", {}, []);
  await user1.refused("payPowerOrder", pay, 5, "ORDER_PAID");
  return { ...paid, orderTime };
}

export async function withdrawable({ manager1 }) {
  documents("What the manager can withdraw.");
  const [sum] = await manager1.gets("getOrderCash", {}, [{ count }]);
  return sum;
}

/** Withdraws what was there before and these orders, newest first, which came to `fen`. */
export async function withdraw({ manager1 }, { managerName }, before, orders, fen, rate) {
  const moneyFen = Math.round(before.money * 100) + fen;
  const serviceFen = Math.floor((moneyFen * Math.round(rate * 1e6) + 500_000) / 1e6);
  const sum = { money: moneyFen / 100, service: serviceFen / 100, cash: (moneyFen - serviceFen) / 100 };
  const totalCount = before.count + orders.length;
  documents("Paid orders, coins at their value; service = rate, half up to the fen; cash = money − service.");
  await manager1.gets("getOrderCash", {}, [{ count: totalCount, ...sum }]);
  documents("The paid charges that no cash-out has, newest first.");
  await manager1.gets("getOrderCashList", page(orders.length), { totalCount, abstractList: orders });

  documents("totalCount and totalCash count successes only.");
  const outs = await manager1.gets("getCashOutList", {}, { totalCount: count, totalCash: count });
  const bank = { bankName: "示例银行", bankUser: managerName, bankCode: "6222000011112222333" };
  documents("CashOut moves exactly those orders to 1 under one cashOutId.");
  await manager1.does("CashOut", bank);
  await manager1.gets("getOrderCash", {}, [{ count: 0, money: 0, service: 0, cash: 0 }]);
  await manager1.gets("getOrderCashList", {}, { totalCount: 0, abstractList: [] });
  documents("cashOutId: C, last 4, 6; card number masked; state 2 pending; totals count successes only.");
  const bankCode = (text) => text.includes("*") && text !== bank.bankCode;
  const pending = { cashOutId: /^C0001\d{6}$/, bankCode, ...sum, state: 2, reason: "" };
  await manager1.gets("getCashOutList", page(1), {
    totalCount: outs.totalCount,
    totalCash: outs.totalCash,
    CashOutList: [{ ...pending, cashOutTime: time, processTime: "" }],
  });
  await manager1.fails("CashOut", bank, "NOTHING_TO_WITHDRAW");
}
