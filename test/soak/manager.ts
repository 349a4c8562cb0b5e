import { below, chance, type Random } from "@bluepower/protocol/random";
import { firstOf, rowsOf } from "./caller.ts";
import { toFen, yuan } from "./user.ts";
import { Login, oneOf, pause, type World } from "./world.ts";

/** Somebody who has chargers: changes prices and names, hands chargers on, bars users, and withdraws what was earned. */
export class Manager {
  readonly login: Login;
  readonly #world: World;
  readonly #random: Random;

  constructor(world: World, of: { phone: string; random: Random }) {
    this.#world = world;
    this.#random = of.random;
    this.login = new Login(world, { side: "manager", ...of });
  }

  get #phone(): string {
    return this.login.phone;
  }

  async live(): Promise<void> {
    await this.login.login();
    while (!this.#world.home) {
      await pause(this.#world, this.#random, 50, 900);
      const draw = below(this.#random, 100);
      if (draw < 25) await this.#price();
      else if (draw < 33) await this.#rename();
      else if (draw < 43) await this.#handOn();
      else if (draw < 58) await this.#bar();
      else if (draw < 75) await this.#withdraw();
      else if (draw < 96) await this.#look();
      else await this.login.login();
    }
  }

  #own(): string[] {
    const { devices } = this.#world.journal;
    return [...devices].filter(([, d]) => d.owner === this.#phone).map(([code]) => code);
  }

  async #price(): Promise<void> {
    const { journal } = this.#world;
    const deviceCode = oneOf(this.#random, this.#own());
    const device = journal.devices.get(deviceCode ?? "");
    if (deviceCode === undefined || device === undefined) return;
    const price = 50 + below(this.#random, 250);
    if ((await this.login.ask("setDeviceValue", { deviceCode, unitPrice: yuan(price) })) === undefined)
      return;
    device.price = price;
    journal.count("price changed");
  }

  async #rename(): Promise<void> {
    const { journal } = this.#world;
    const deviceCode = oneOf(this.#random, this.#own());
    const device = journal.devices.get(deviceCode ?? "");
    if (deviceCode === undefined || device === undefined) return;
    const name = `宿舍${below(this.#random, 1000)}`;
    if ((await this.login.ask("reportDeviceName", { deviceCode, deviceName: name })) === undefined) return;
    device.name = name;
    journal.count("charger named");
  }

  async #handOn(): Promise<void> {
    const { journal, managers } = this.#world;
    const deviceCodes = this.#own().filter(() => chance(this.#random, 0.3));
    const to = oneOf(
      this.#random,
      managers.filter((m) => m !== this.#phone),
    );
    if (to === undefined || deviceCodes.length === 0) return;
    const own = { transfer: to, deviceCodeList: deviceCodes.join() };
    if ((await this.login.ask("transferDevice", own)) === undefined) return;
    for (const code of deviceCodes) {
      const device = journal.devices.get(code);
      if (device !== undefined) device.owner = to;
    }
    journal.count("chargers handed on");
  }

  async #bar(): Promise<void> {
    const { journal, users } = this.#world;
    const barred = users.filter((u) => journal.black.get(`${this.#phone} ${u}`) === true);
    const user = oneOf(this.#random, barred.length > 1 || chance(this.#random, 0.3) ? barred : users);
    if (user === undefined) return;
    const isBarred = barred.includes(user);
    const answer = isBarred
      ? await this.login.ask("deleteBlackUser", { userList: user })
      : await this.login.ask("addBlackUser", { user }, ["USER_NEVER_CHARGED"]);
    if (answer === undefined) return;
    journal.black.set(`${this.#phone} ${user}`, !isBarred);
    journal.count(isBarred ? "user let in again" : "user barred");
  }

  async #withdraw(): Promise<void> {
    const { journal } = this.#world;
    const own = {
      bankName: "建设银行",
      bankUser: "管理员",
      bankCode: `6217${String(below(this.#random, 1e9)).padStart(12, "0")}`,
    };
    if ((await this.login.ask("CashOut", own, ["NOTHING_TO_WITHDRAW"])) === undefined) return;
    journal.cashOuts.set(this.#phone, (journal.cashOuts.get(this.#phone) ?? 0) + 1);
    journal.count("cash-out");
  }

  /** What this manager has set, and what was promised, is in the lists. */
  async #look(): Promise<void> {
    const { journal } = this.#world;
    const mine = this.#own();
    const list = await this.login.ask("getDeviceList", { startIndex: 0, pageSize: 100 });
    if (list !== undefined) {
      const rows = new Map(rowsOf(list).map((row) => [String(row.deviceCode), row]));
      for (const code of mine) {
        const known = journal.devices.get(code);
        const row = rows.get(code);
        if (row === undefined) journal.finding(`${code} is ${this.#phone}'s and not in the list`);
        else if (toFen(row.unitPrice) !== known?.price || row.deviceName !== known?.name) {
          journal.finding(
            `${code} was set to ${known?.price} ${known?.name}, listed is ${JSON.stringify(row)}`,
          );
        }
      }
    }
    const cashOuts = await this.login.ask("getCashOutList", {});
    const promised = journal.cashOuts.get(this.#phone) ?? 0;
    if (cashOuts !== undefined && rowsOf(cashOuts, "CashOutList").length !== promised) {
      journal.finding(
        `${this.#phone} has ${promised} cash-outs, listed are ${rowsOf(cashOuts, "CashOutList").length}`,
      );
    }
    const barred = [...journal.black].filter(([key, on]) => on && key.startsWith(this.#phone)).length;
    const black = await this.login.ask("getBlackUser", { startIndex: 0, pageSize: 100 });
    if (black !== undefined && firstOf(black)?.totalCount !== barred) {
      journal.finding(`${this.#phone} barred ${barred} users, listed are ${firstOf(black)?.totalCount}`);
    }
    await this.login.ask("getOrderAll", { startIndex: 0, pageSize: 20 });
    await this.login.ask("getOrderCash", {});
    journal.count("look at lists");
  }
}
