// What a tour that was ended in its middle has left is put right; this is no part of the tour and checks nothing.
import { page } from "./caller.mjs";
import { deviceCode } from "./charger.mjs";
import { payInSandbox } from "./client.mjs";

async function data(caller, method, own) {
  const answer = await caller.send(method, own);
  if (answer.code !== 0) throw new Error(`${method}: ${JSON.stringify(answer)}`);
  return answer.data;
}

export async function clearLeftOvers({ user1, user2, manager1, manager2 }) {
  for (const user of [user1, user2]) {
    const { abstractList } = await data(user, "getUserOrder", page(20));
    const running = abstractList.filter(
      (each) => each.state === "charging" && each.deviceCode === deviceCode,
    );
    for (const { orderId } of running) await data(user, "stopPowerOrder", { orderId });
    for (const { orderId, money } of await data(user, "getOrderPay", {})) {
      const [pay] = await data(user, "payPowerOrder", { orderId, money, pmoney: 0, cash: money });
      await payInSandbox(pay, "once");
      while ((await data(user, "getOrderPay", {})).some((each) => each.orderId === orderId))
        await data(user, "queryOrderPay", { orderId });
    }
  }
  for (const manager of [manager1, manager2]) {
    const barred = await data(manager, "getBlackUser", page(100));
    for (const { user } of barred.abstractList) await data(manager, "deleteBlackUser", { userList: user });
    const { abstractList } = await data(manager, "getDeviceList", page(100));
    if (abstractList.some((each) => each.deviceCode === deviceCode))
      await data(manager, "deleteDevice", { deviceCodeList: deviceCode });
  }
}
