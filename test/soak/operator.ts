import { below, chance, type Random } from "@bluepower/protocol/random";
import { toFen, yuan } from "./user.ts";
import { oneOf, pause, type World } from "./world.ts";

/** What an operator may be told, because something else came first. */
const MAY_BE_TOLD =
  /is not paid|nothing is left|is at most|coins go back whole|coins can go back|waits for no approval|is not approved|has ended already/;

/** Who sits at the command line: gives money back, has cash-outs paid, and looks whether the books are in order. */
export class Operator {
  readonly #world: World;
  readonly #random: Random;
  #refunds = 0;

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  async live(): Promise<void> {
    while (!this.#world.home) {
      await pause(this.#world, this.#random, 300, 2000);
      const draw = below(this.#random, 100);
      if (draw < 35) await this.#refundOrder();
      else if (draw < 50) await this.#refundCoins();
      else if (draw < 85) await this.#cashOuts();
      else await this.audit();
    }
  }

  /** The books are in order, whenever they are looked at. */
  async audit(): Promise<void> {
    const { journal } = this.#world;
    // It fails when they are not, and that is a finding.
    if ((await this.#command("audit")) !== undefined) journal.count("audit in order");
  }

  /** What a command says; undefined when it does not do what it is asked, which it may. */
  async #command(...args: string[]): Promise<unknown> {
    const { journal, site } = this.#world;
    try {
      const said = JSON.parse(await site.cloud(...args, "--json")) as unknown;
      journal.count("operator's command");
      return said;
    } catch (error) {
      const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
      if (!MAY_BE_TOLD.test(stdout + stderr)) {
        journal.finding(`${args.join(" ")} failed: ${stdout}${stderr || error}`.slice(0, 1000));
      }
      return undefined;
    }
  }

  async #refundOrder(): Promise<void> {
    const { journal } = this.#world;
    const paid = [...journal.orders.values()].filter((o) => o.toldPaid && o.told === "finished" && o.paid);
    const order = oneOf(this.#random, paid.slice(-50));
    if (order === undefined) return;
    const amount = chance(this.#random, 0.5) ? ["--amount", yuan(50 + below(this.#random, 300))] : [];
    this.#refunds += 1;
    const args = ["refund", "order", order.orderId, ...amount, "--reason", `soak ${this.#refunds}`];
    const said = (await this.#command(...args)) as Refunded | undefined;
    if (said === undefined) return;
    if (said.repeated) journal.finding(`${args.join(" ")} was said to have been made before`);
    journal.refunds.add(said.refundNo);
    order.back.cash += toFen(said.cash);
    order.back.coins += Math.round(said.coins);
    journal.count("refund of an order");
    if (!chance(this.#random, 0.3)) return;
    const again = (await this.#command(...args)) as Refunded | undefined;
    if (again?.refundNo !== said.refundNo || !again.repeated) {
      journal.finding(`${args.join(" ")} said ${JSON.stringify(said)}, and again ${JSON.stringify(again)}`);
    }
  }

  async #refundCoins(): Promise<void> {
    const { journal } = this.#world;
    const purchase = oneOf(
      this.#random,
      [...journal.purchases.values()].filter((p) => p.toldPaid).slice(-50),
    );
    if (purchase === undefined) return;
    this.#refunds += 1;
    const coins = 1 + below(this.#random, 3);
    const args = [
      "refund",
      "coins",
      purchase.payId,
      "--coins",
      String(coins),
      "--reason",
      `soak ${this.#refunds}`,
    ];
    const said = (await this.#command(...args)) as Refunded | undefined;
    if (said === undefined) return;
    journal.refunds.add(said.refundNo);
    purchase.back += coins;
    journal.count("refund of coins");
  }

  async #cashOuts(): Promise<void> {
    const { journal } = this.#world;
    const waiting = (await this.#command("cashout", "list", "--waiting")) as
      | { cashOutId: string; step: string }[]
      | undefined;
    for (const { cashOutId, step } of waiting?.slice(0, 3) ?? []) {
      const known = journal.processed.get(cashOutId)?.step ?? "requested";
      if (known !== step) journal.finding(`cash-out ${cashOutId} is listed as ${step}, it was ${known}`);
      const next = step === "requested" ? "approved" : chance(this.#random, 0.8) ? "paid" : "failed";
      const args = {
        approved: ["cashout", "approve", cashOutId],
        paid: ["cashout", "paid", cashOutId, "--reference", `R-${cashOutId}`],
        failed: ["cashout", "fail", cashOutId, "--reason", "卡号有误"],
      }[next as "approved" | "paid" | "failed"];
      if ((await this.#command(...args)) === undefined) continue;
      journal.processed.set(cashOutId, { cashOutId, step: next as "approved" });
      journal.count(`cash-out ${next}`);
    }
  }
}

interface Refunded {
  refundNo: string;
  /** Yuan, of both. */
  cash: number;
  coins: number;
  repeated: boolean;
}
