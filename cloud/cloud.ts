import type { Clock } from "@bluepower/protocol/clock";
import type { Random } from "@bluepower/protocol/random";
import type { Logger } from "pino";
import type { BankCards } from "./cashout/bankCards.ts";
import type { Config } from "./config.ts";
import type { Db } from "./database/database.ts";
import type { Gateways } from "./gateways/gateways.ts";
import type { Payments } from "./payments/payments.ts";
import type { WeChat } from "./wechat/wechat.ts";

/** What a method of the interface works with; wired once, in serve.ts. */
export interface Cloud {
  clock: Clock;
  random: Random;
  log: Logger;
  config: Config;
  db: Db;
  gateways: Gateways;
  payments: Payments;
  wechat: WeChat;
  cards: BankCards;
}
