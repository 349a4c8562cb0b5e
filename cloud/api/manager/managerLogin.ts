import { endpoint } from "../endpoint.ts";
import { list } from "../fields.ts";
import { LoginInput, logIn, SessionInfo } from "../login.ts";

export default endpoint({
  name: "managerLogin",
  side: "manager",
  summary: "Opens a session for the WeChat account that the code of wx.login stands for.",
  auth: "open",
  login: true,
  input: LoginInput,
  output: list(SessionInfo),
  refusals: ["LOGIN_REFUSED", "WECHAT_UNAVAILABLE"],
  run: (context) => logIn("manager", context),
});
