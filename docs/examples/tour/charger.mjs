// A manager takes a charger, names and prices it, finds it, hands it over, and gives it back.
import { chargerShows, page, time } from "./caller.mjs";
import { documents } from "./documented.mjs";

export const deviceCode = "DEMO0003";
export const deviceName = "示例充电器";

/** Answers how many chargers both managers had before. */
export async function takeCharger({ anyone, manager1, manager2, user2 }) {
  documents("gateway: 1 online; portState: empty if unknown.");
  await anyone.soonGets("getDeviceInfo", { deviceCode }, [{ gateway: 1, portState: /./ }]);
  documents("totalCount counts everything that matches.");
  const some = { totalCount: (n) => n >= 0 };
  const { totalCount: first } = await manager1.gets("getDeviceList", page(1), some);
  const { totalCount: second } = await manager2.gets("getDeviceList", page(1), some);

  documents("The device must be known to the cloud and have no manager.");
  await manager1.does("addDevice", { deviceCode });
  await manager2.fails("addDevice", { deviceCode }, "DEVICE_MANAGED");
  await manager1.refused("addDevice", { deviceCode: "NOSUCH00" }, 3, "DEVICE_UNKNOWN");
  documents("It starts with state 0, chargeFlag 0, maxUnit 12, no name; the one added last comes first.");
  const starts = { deviceCode, deviceName: "", state: 0, chargeFlag: 0, maxUnit: 12, addTime: time };
  await manager1.gets("getDeviceList", page(1), { totalCount: first + 1, abstractList: [starts] });

  documents("Of a free device unitPrice and money are both 0.");
  const free = { deviceCode, port: 4, unitPrice: 0, unit: 1, money: 0 };
  const begun = [{ orderId: /^90002\d{9}$/, state: "charging" }];
  const [{ orderId }] = await user2.gets("newPowerOrder", free, begun);
  documents("Cancelling is refused (result 1) if the order already runs.");
  await user2.fails("cancelPowerOrder", { orderId }, "ORDER_RUNNING");
  documents("stopPowerOrder ends a charge early.");
  await user2.does("stopPowerOrder", { orderId });
  documents("Free orders are born paid.");
  await user2.soonGets("getPowerOrder", { orderId }, [{ state: "finished", payState: "paid", money: 0 }]);
  await user2.gets("getOrderPay", {}, []);
  return { first, second };
}

export async function setUpCharger({ manager1, manager2, anyone, user1 }) {
  documents("Name one of the manager's chargers.");
  await manager1.does("reportDeviceName", { deviceCode, deviceName });
  documents("maxUnit 1–12; unitPrice 0.01–99.99.");
  await manager1.does("setDeviceValue", { deviceCode, chargeFlag: 1, unitPrice: "2.35", maxUnit: 4 });
  await manager1.refused("setDeviceValue", { deviceCode, unitPrice: "0" }, 3, "PARAMETER");
  await manager1.refused("setDeviceValue", { deviceCode, maxUnit: 13 }, 3, "PARAMETER");
  documents("5 NOT_YOURS: an id that does not exist or is another's.");
  await manager2.refused("setDeviceValue", { deviceCode, state: 1 }, 5, "NOT_YOURS");
  documents("getDeviceList shows the stored price.");
  const set = { deviceName, state: 0, chargeFlag: 1, maxUnit: 4, unitPrice: 2.35 };
  await manager1.gets("getDeviceList", page(1), { abstractList: [{ deviceCode, ...set }] });

  documents("btName is the full 16-character name, portState the STA fields joined, gateway 1 online.");
  const portState = /^1\d{3}2\d{3}3\d{3}4\d{3}$/;
  const shown = { ...set, btName: /^.{16}$/, portState, portTime: time, gateway: 1 };
  await anyone.gets("getDeviceInfo", { deviceCode }, [{ ...shown, jamCode: "" }]);
  documents("jamCode is given only for a charger without a gateway, and only to a session; else empty.");
  const alone = { deviceCode: "DEMO0004" };
  await anyone.gets("getDeviceInfo", alone, [{ jamCode: "", gateway: 0, chargeFlag: 0, unitPrice: 0 }]);
  await user1.gets("getDeviceInfo", alone, [{ jamCode: /./, gateway: 0 }]);
  await user1.gets("getDeviceInfo", { deviceCode }, [{ jamCode: "", gateway: 1 }]);

  documents("Have all LEDs of a charger blink, so that it can be found.");
  await manager1.does("blinkDevice", { deviceCode });
  await chargerShows((ports) => ports.every(({ led }) => led === "blinking"));
}

/** Hands the charger over, has something done there, and takes it back. */
export async function handOver({ manager1, manager2 }, { first, second }, meanwhile) {
  const to = (phone) => ({ transfer: phone, deviceCodeList: deviceCode });
  documents("The receiver must be a registered, approved manager.");
  await manager1.fails("transferDevice", to("10000000000"), "RECEIVER_INVALID");
  await manager1.does("transferDevice", to(manager2.phone));
  documents("The manager's chargers, the one added last first.");
  await manager1.gets("getDeviceList", page(100), { totalCount: first });
  await manager2.gets("getDeviceList", page(1), { totalCount: second + 1, abstractList: [{ deviceCode }] });
  documents("5 NOT_YOURS: an id that does not exist or is another's.");
  await manager1.refused("reportDeviceName", { deviceCode, deviceName }, 5, "NOT_YOURS");
  await manager1.refused("transferDevice", to(manager2.phone), 5, "NOT_YOURS");
  await meanwhile();
  documents("Give chargers to another approved manager.");
  await manager2.does("transferDevice", to(manager1.phone));
  await manager1.gets("getDeviceList", page(1), { totalCount: first + 1, abstractList: [{ deviceCode }] });
}

export async function giveBack({ manager1, user1 }, { first }) {
  const deviceCodeList = deviceCode;
  documents("deleteDevice answers result and Result, with equal values.");
  await manager1.gets("deleteDevice", { deviceCodeList }, [{ result: 0, Result: 0, reason: "" }]);
  documents("deleteDevice gives it back to nobody.");
  await manager1.refused("deleteDevice", { deviceCodeList }, 5, "NOT_YOURS");
  await manager1.gets("getDeviceList", page(100), { totalCount: first });
  documents("A charge needs a device that has a manager.");
  const wish = { deviceCode, port: 1, unitPrice: "1.00", unit: 1, money: "1.00" };
  await user1.refused("newPowerOrder", wish, 5, "DEVICE_UNMANAGED");
}
