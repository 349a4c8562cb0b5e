// A charge from the first login to the paid bill against a running `npm start`, with nothing but Node:
// what a mini-program does, written from the interface's description alone.
//   node docs/examples/charge.mjs [deviceCode] [port]
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

const [deviceCode = "DEMO0001", port = "1"] = process.argv.slice(2);
const cloud = `http://127.0.0.1:${process.env.PORT ?? 8085}/oapi/bluepower_user/1_0`;
const sandbox = `http://127.0.0.1:${process.env.SANDBOX_CONTROL_PORT ?? 8087}`;
const firstCharger = Number(process.env.CHARGER_CONTROL_PORT ?? 8101);
const charger = `http://127.0.0.1:${firstCharger + Number(deviceCode.slice(-1)) - 1}`;
const { user: app } = JSON.parse(readFileSync(`${process.env.DATA_DIR ?? "data"}/apps.json`, "utf8"));
const person = { user: "13800000001", openid: "demo-user-1" };

async function post(url, body) {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return await answer.json();
}

/** md5 over the parameters sorted by name, then the jam code; base64 of the 16 bytes. */
async function call(method, own) {
  const all = { appId: app.appId, appKey: app.appKey, timestamp: Math.floor(Date.now() / 1000), ...own };
  const text = Object.keys(all)
    .sort()
    .map((name) => name + all[name])
    .join("");
  const signature = createHash("md5")
    .update(text + app.jamCode)
    .digest("base64");
  const answer = await post(`${cloud}/${method}`, { ...all, signature });
  if (answer.code !== 0) throw new Error(`${method}: ${JSON.stringify(answer)}`);
  return answer.data;
}

const portState = async () => {
  const { ports } = await (await fetch(`${charger}/state`)).json();
  const p = ports.find((each) => each.port === Number(port));
  return `port ${port} of ${deviceCode} ${p.state}${p.state === "running" ? `, ${p.minutesLeft} minutes left` : ""}`;
};
const say = (what, details) => console.log(`${what.padEnd(18)} ${details}`);

const { jsCode } = await post(`${sandbox}/login-code`, { app: "user", openid: person.openid });
const [{ session }] = await call("userLogin", { jsCode });
const me = { user: person.user, session };
say("logged in", person.user);

const [device] = await call("getDeviceInfo", { deviceCode });
say("charger", `${device.deviceName} ${device.unitPrice} yuan per 30 minutes, ports ${device.portState}`);

const money = device.unitPrice.toFixed(2);
const began = performance.now();
const [{ orderId, state }] = await call("newPowerOrder", {
  ...me,
  deviceCode,
  port: Number(port),
  unitPrice: money,
  unit: 1,
  money,
});
say("order", `${orderId} ${state}, confirmed in ${Math.round(performance.now() - began)} ms`);
say("charger says", await portState());

const [stopped] = await call("stopPowerOrder", { ...me, orderId });
say("stopped", stopped.result === 0 ? "by its user" : stopped.reason);
say("charger says", await portState());

for (const bill of await call("getOrderPay", me)) {
  const due = bill.money.toFixed(2);
  say("bill", `${bill.orderId} ${due} yuan`);
  const [pay] = await call("payPowerOrder", {
    ...me,
    orderId: bill.orderId,
    money: due,
    pmoney: 0,
    cash: due,
  });
  await post(`${sandbox}/pay`, { ...JSON.parse(pay.package), outcome: "success", notify: "once" });
  for (;;) {
    const [paid] = await call("queryOrderPay", { session, orderId: bill.orderId });
    if (paid.result === 0) break;
    await new Promise((next) => setTimeout(next, 500));
  }
  say("paid", bill.orderId);
}
