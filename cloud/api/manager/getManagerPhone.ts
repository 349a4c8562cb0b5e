import { endpoint } from "../endpoint.ts";
import { list } from "../fields.ts";
import { bindGivenPhone, PhoneInfo, PhoneInput } from "../phone.ts";

export default endpoint({
  name: "getManagerPhone",
  side: "manager",
  summary: "Binds the phone number that WeChat vouches for to the session's WeChat account, and answers it.",
  auth: "login",
  input: PhoneInput,
  output: list(PhoneInfo),
  refusals: ["PHONE_REFUSED", "WECHAT_UNAVAILABLE"],
  run: (context) => bindGivenPhone("manager", context),
});
