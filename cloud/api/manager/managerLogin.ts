import { endpoint } from "../endpoint.ts";
import { list } from "../fields.ts";
import { LoginInput, logIn, SessionInfo } from "../login.ts";

export default endpoint({
  name: "managerLogin",
  side: "manager",
  summary: "Opens a session for the WeChat account that the code of wx.login stands for.",
  description: `
    Exchanges the code, which WeChat takes once and for five minutes. The session lives 30 days from its
    last use; an account may have several. Until a phone number is bound to the account, it is good for
    getManagerPhone and for what needs no session.`,
  auth: "open",
  login: true,
  input: LoginInput,
  output: list(SessionInfo),
  refusals: ["LOGIN_REFUSED", "WECHAT_UNAVAILABLE"],
  run: (context) => logIn("manager", context),
});
