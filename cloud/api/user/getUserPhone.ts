import { endpoint } from "../endpoint.ts";
import { list } from "../fields.ts";
import { bindGivenPhone, PhoneInfo, PhoneInput } from "../phone.ts";

export default endpoint({
  name: "getUserPhone",
  side: "user",
  summary: "Binds the phone number that WeChat vouches for to the session's WeChat account, and answers it.",
  description: `
    Give either code, WeChat's newer way, or encryptData and iv. The number is the user from then on: it is
    registered when it is new. A number that was bound to another WeChat account moves here; the other
    account's sessions end, and coins stay frozen until the operator has confirmed the person.`,
  auth: "login",
  input: PhoneInput,
  output: list(PhoneInfo),
  refusals: ["PHONE_REFUSED", "WECHAT_UNAVAILABLE"],
  run: (context) => bindGivenPhone("user", context),
});
