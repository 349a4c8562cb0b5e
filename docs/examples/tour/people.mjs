// Logins, phone numbers, names and trades; and who is not let in.
import { Caller } from "./caller.mjs";
import { apps, inSandbox, send, signed } from "./client.mjs";
import { documents } from "./documented.mjs";

/** `way` is what WeChat hands out for the phone number: encrypted data, or a code. */
export async function login(name, side, phone, openid, way) {
  const guest = new Caller(name, side);
  const { jsCode } = await inSandbox("login-code", { app: side, openid });
  documents("A session is 14 characters (base62).");
  const [{ session }] = await guest.gets(`${side}Login`, { jsCode }, [{ session: /^[0-9A-Za-z]{14}$/ }]);
  const { encryptData, iv, code } = await inSandbox("phone", { app: side, openid, phone });
  const proof = way === "code" ? { code } : { encryptData, iv };
  documents(
    `Takes ${Object.keys(proof).join(" and ")}, binds the number to the WeChat account and answers it.`,
  );
  const method = side === "user" ? "getUserPhone" : "getManagerPhone";
  await guest.gets(method, { session, ...proof }, [{ phone }]);
  return new Caller(name, side, { session, [side]: phone });
}

/** Answers what the user is and has when the tour begins. */
export async function introduce({ anyone, user1, user2, manager1 }) {
  documents("Open without a session.");
  const trades = await anyone.gets("getProfessionList", {}, (list) => list.length > 1);
  documents("order is 1 exactly when a bill waits to be paid.");
  const [me] = await user1.gets("getUserInfo", {}, [{ userName: /./, order: 0 }]);
  const [friend] = await user2.gets("getUserInfo", {}, [{ userName: /./, order: 0 }]);

  const userName = "示例用户";
  const { professionId, professionName } = trades.find((each) => each.professionName !== me.professionName);
  documents("reportUserName answers reason and cause, with equal values.");
  await user1.gets("reportUserName", { userName }, [{ result: 0, reason: "", cause: "" }]);
  documents("Sets the user's trade.");
  await user1.does("reportUserProfession", { professionId });
  documents("Name, trade and coins of the user.");
  await user1.gets("getUserInfo", {}, [{ userName, professionName, pmoney: me.pmoney, order: 0 }]);
  documents("Sets the user's name.");
  await user1.does("reportUserName", { userName: me.userName });

  documents("The manager's name.");
  const [{ managerName }] = await manager1.gets("getManagerInfo", {}, [{ managerName: /./ }]);
  documents("Sets the manager's name.");
  await manager1.does("reportManagerName", { managerName: "示例管理员" });
  await manager1.gets("getManagerInfo", {}, [{ managerName: "示例管理员" }]);
  await manager1.does("reportManagerName", { managerName });
  return { me, friend, managerName };
}

export async function strangers({ anyone, user1, user2, manager1 }, { me }) {
  documents("At most 300 s from the server's clock, else code 1 with serverTime (UNIX seconds).");
  const timestamp = Math.floor(Date.now() / 1000) - 301;
  const serverTime = (seconds) => Math.abs(seconds - Date.now() / 1000) < 300;
  const late = await send("user", "getUserInfo", signed(apps.user, { ...user1.who, timestamp }));
  user1.holds("getUserInfo", { code: 1, reason: "TIMESTAMP", serverTime, data: [] }, late);

  documents("Codes: 2 signature.");
  const signature = "AAAAAAAAAAAAAAAAAAAAAA==";
  const forged = await send("user", "getUserInfo", { ...signed(apps.user, user1.who), signature });
  user1.holds("getUserInfo", { code: 2, reason: "SIGNATURE", data: [] }, forged);

  documents("The key of one app opens no method of the other.");
  const foreign = await send("manager", "getManagerInfo", signed(apps.user, manager1.who));
  manager1.holds("getManagerInfo", { code: 4, reason: "APP_UNKNOWN", data: [] }, foreign);

  documents("JSON or application/x-www-form-urlencoded; both are accepted on every method.");
  const form = new URLSearchParams(signed(apps.user, user1.who));
  const answer = await send("user", "getUserInfo", form);
  user1.holds("getUserInfo", { code: 0, data: [{ userName: me.userName }] }, answer);

  documents("The session must belong to the phone number that is named, else code 4.");
  await user1.refused("getUserInfo", { user: user2.phone }, 4, "SESSION");
  documents("Every other method needs a session.");
  await anyone.refused("getUserInfo", { user: user1.phone }, 4, "SESSION");
  documents("A parameter that the method does not know is code 3.");
  await user1.refused("getUserInfo", { colour: "red" }, 3, "PARAMETER");
}
