import type { Selectable } from "kysely";
import { z } from "zod";
import type { OrderInfo } from "../database/schema.ts";
import { wireTimeIn, yuan } from "./fields.ts";

export const OrderState = z.enum(["starting", "charging", "finished", "cancelled"]).meta({
  description: "starting: nobody has confirmed it yet; cancelled: it never began, or nothing is owed",
});

/** A bill: the document's OrderInfo, and how the charge stands (spec 2, "Beyond the document"). */
export const Bill = z
  .object({
    orderId: z.string(),
    deviceCode: z.string(),
    deviceName: z.string().meta({ description: "The charger's name when the order was made" }),
    port: z.int(),
    unitPrice: yuan.meta({ description: "Yuan for a unit when the order was made" }),
    unit: z.int().meta({ description: "Units of thirty minutes that are billed" }),
    money: yuan.meta({ description: "The bill in yuan" }),
    orderTime: z.string(),
    state: OrderState,
    payState: z.enum(["unpaid", "paying", "paid", "waived"]),
    startTime: z.string(),
    endTime: z.string(),
    minutes: z.int().nullable(),
  })
  .meta({ id: "Bill" });

/** The document's OrderData, and how the charge stands. */
export const OrderData = Bill.extend({
  pmoney: z.int().meta({ description: "Coins that paid it" }),
  cash: yuan.meta({ description: "Yuan that paid it through WeChat" }),
  payTime: z.string(),
}).meta({ id: "OrderData" });

/** As a manager sees it: with whose charge it was. */
export const ManagedOrderData = OrderData.extend({
  user: z.string().meta({ description: "Phone number of who charged" }),
  userName: z.string().meta({ description: "Name of who charged" }),
}).meta({ id: "ManagedOrderData" });

type Order = Selectable<OrderInfo>;

export function billData(order: Order, zone: string): z.input<typeof Bill> {
  return {
    orderId: order.orderId,
    deviceCode: order.deviceCode,
    deviceName: order.deviceName,
    port: order.port,
    unitPrice: order.unitPrice,
    unit: order.unit,
    money: order.money,
    orderTime: wireTimeIn(zone, order.orderTime),
    state: order.state,
    payState: order.payState,
    startTime: wireTimeIn(zone, order.startTime),
    endTime: wireTimeIn(zone, order.endTime),
    minutes: order.minutes,
  };
}

export function orderData(order: Order, zone: string): z.input<typeof OrderData> {
  return {
    ...billData(order, zone),
    pmoney: order.pmoney,
    cash: order.cash,
    payTime: wireTimeIn(zone, order.payTime),
  };
}

export const managedOrderData = (
  order: Order & { userName: string },
  zone: string,
): z.input<typeof ManagedOrderData> => ({
  ...orderData(order, zone),
  user: order.user,
  userName: order.userName,
});
