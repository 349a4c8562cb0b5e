// Users charge: an order, its bill, and what stands in the way of one.
import { chargerShows, page, time, yuan } from "./caller.mjs";
import { deviceCode, deviceName } from "./charger.mjs";
import { documents } from "./documented.mjs";

const wish = (port, unit, fen) => ({
  deviceCode,
  port,
  unitPrice: yuan(fen),
  unit,
  money: yuan(fen * unit),
});

/** Answers the bill of an hour at 2.35 yuan per half hour. */
export async function charge({ manager1, anyone, user1, user2 }) {
  const hour = wish(1, 2, 235);
  documents("Device enabled.");
  await manager1.does("setDeviceValue", { deviceCode, state: 1 });
  await user1.refused("newPowerOrder", hour, 5, "DEVICE_DISABLED");
  await manager1.does("setDeviceValue", { deviceCode, state: 0 });
  documents("unit 1…maxUnit; unitPrice and money equal to the device's price today.");
  await user1.refused("newPowerOrder", wish(1, 5, 235), 3, "UNIT_RANGE");
  await user1.refused("newPowerOrder", wish(1, 2, 234), 3, "PRICE_CHANGED");
  await user1.refused("newPowerOrder", { ...hour, money: "4.69" }, 3, "AMOUNT_MISMATCH");

  documents("orderId: 9, last 4 of the phone, last 9 of the second. Answers when the charger has confirmed.");
  const begun = [{ orderId: /^90001\d{9}$/, state: "charging" }];
  const [{ orderId }] = await user1.gets("newPowerOrder", hour, begun);
  await chargerShows((ports) => ports[0].state === "running");
  documents("portState: STA fields joined, a port that is off at 000 or 999.");
  await anyone.soonGets("getDeviceInfo", { deviceCode }, [{ portState: /^1(?!000|999)\d{3}2000/ }]);
  const bill = { orderId, deviceCode, deviceName, port: 1, unitPrice: 2.35, unit: 2, money: 4.7 };
  const running = { ...bill, orderTime: time, state: "charging", payState: "unpaid", startTime: time };
  documents("One order, whatever its state.");
  await user1.gets("getPowerOrder", { orderId }, [{ ...running, endTime: "", payTime: "" }]);
  documents("order is 1 exactly when getOrderPay is not empty; charging orders are payable.");
  await user1.gets("getUserInfo", {}, [{ order: 1 }]);
  await user1.gets("getOrderPay", {}, [running]);
  documents("No unpaid bill; port free; an order must be the caller's.");
  await user1.refused("newPowerOrder", wish(2, 1, 235), 5, "ORDER_UNPAID");
  await user2.refused("newPowerOrder", wish(1, 1, 235), 6, "PORT_BUSY");
  await user2.refused("stopPowerOrder", { orderId }, 5, "NOT_YOURS");

  documents("stopPowerOrder ends a charge early; what was agreed is still owed.");
  await user1.does("stopPowerOrder", { orderId });
  const minutes = (n) => n >= 0 && n <= 60;
  const ended = { ...bill, state: "finished", payState: "unpaid", endTime: time, minutes };
  await user1.soonGets("getPowerOrder", { orderId }, [ended]);
  await user1.fails("stopPowerOrder", { orderId }, "ORDER_ENDED");
  await chargerShows((ports) => ports[0].state === "free");
  documents("What a phone has read of a charger's ports; of a charger behind a gateway it is a hint only.");
  await user1.does("reportDevicePort", { deviceCode, portState: "1000200030004000" });
  return ended;
}

/** Charges for `unit` coins at a coin per half hour, and answers the orderId. */
export async function chargeForCoins(user, port, unit, coinFen) {
  documents("A change of the price reaches the gateway at once and holds for orders made after it.");
  const [{ orderId }] = await user.gets("newPowerOrder", wish(port, unit, coinFen), [{ state: "charging" }]);
  await user.does("stopPowerOrder", { orderId });
  documents("All coins: paid at once, package empty.");
  const pay = { orderId, money: yuan(coinFen * unit), pmoney: unit, cash: "0" };
  await user.gets("payPowerOrder", pay, [{ package: "" }]);
  await user.does("queryOrderPay", { orderId });
  return orderId;
}

export async function blackList({ manager1, user1, user2 }, { me }) {
  documents("Only a user with an order on one of this manager's chargers.");
  await manager1.does("addBlackUser", { user: user1.phone });
  const barred = { user: user1.phone, userName: me.userName, setupTime: time };
  await manager1.gets("getBlackUser", page(1), { totalCount: 1, abstractList: [barred] });
  documents("It holds for all of this manager's chargers.");
  await user1.refused("newPowerOrder", wish(2, 1, 235), 5, "BLACKLISTED");
  const elsewhere = { ...wish(2, 1, 150), deviceCode: "DEMO0001" };
  await user1.refused("newPowerOrder", elsewhere, 5, "BLACKLISTED");
  documents("Lists are comma-separated and all-or-nothing.");
  await manager1.fails("deleteBlackUser", { userList: `${user1.phone},${user2.phone}` }, "NOT_BLACKLISTED");
  await manager1.gets("getBlackUser", page(1), { totalCount: 1 });
  await manager1.does("deleteBlackUser", { userList: user1.phone });
  await manager1.gets("getBlackUser", page(1), { totalCount: 0, abstractList: [] });
}

const digits = (text) => text.replace(/\D/g, "");
function secondAfter(text) {
  const then = Date.parse(`${text.replace(" ", "T")}Z`) + 1000;
  return digits(new Date(then).toISOString().slice(0, 19));
}

/** Finds a paid bill, and it alone, in the lists of its user and its manager. */
export async function lists({ anyone, manager1, manager2, user1 }, { me }, paid) {
  const { orderId, orderTime, unit, money } = paid;
  const only = { totalCount: 1, totalUnit: unit, totalMoney: money };
  const second = { startDate: digits(orderTime), endDate: digits(orderTime) };
  documents("By orderId, by yyyyMMddHHmmss with both ends included, or by page, newest first.");
  await user1.gets("getUserOrder", { orderId }, { ...only, abstractList: [paid] });
  await user1.gets("getUserOrder", second, { ...only, abstractList: [paid] });
  await user1.gets("getUserOrder", page(1), { totalCount: (n) => n >= 1, abstractList: [paid] });
  documents("orderId together with startIndex and pageSize is code 3.");
  await user1.refused("getUserOrder", { orderId, ...page(1) }, 3, "PARAMETER");

  const theirs = { ...paid, user: user1.phone, userName: me.userName };
  const at = { deviceCode, user: user1.phone };
  documents("By user, charger and dates; totals cover the whole match.");
  await manager1.gets("getOrderAll", { ...at, ...second }, { ...only, abstractList: [theirs] });
  const none = { totalCount: 0, totalUnit: 0, totalMoney: 0, abstractList: [] };
  await manager1.gets("getOrderAll", { ...at, startDate: secondAfter(orderTime) }, none);
  documents("YYYYMMDDHHMMSS in the site's zone.");
  const [{ time: now }] = await anyone.gets("getSystemTime", {}, [{ time: /^\d{14}$/ }]);
  documents("A date alone as endDate means to 23:59:59.");
  const days = { startDate: orderTime.slice(0, 10), endDate: now.slice(0, 8) };
  await manager1.gets("getOrderAll", { ...days, ...page(1) }, { abstractList: [theirs] });
  documents("The manager of an order is who managed the device when it was made.");
  await manager2.gets("getOrderAll", { orderId }, none);
  return theirs;
}
