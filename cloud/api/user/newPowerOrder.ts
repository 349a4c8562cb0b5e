import { MAX_UNITS } from "@bluepower/protocol/units";
import { z } from "zod";
import { placeOrder } from "../../orders/place.ts";
import { startCharging } from "../../orders/start.ts";
import { endpoint } from "../endpoint.ts";
import { DeviceCode_, list, Phone_, PortNo_, Whole_, Yuan_ } from "../fields.ts";
import { OrderState } from "../orderData.ts";

const PLATE = "7 or 8 characters: a Chinese character, a letter, 5 or 6 of A-Z 0-9 港澳学警挂领";
/** A province in one character, a city in one letter, and the number (spec 5). */
const PlateNo_ = z.string().regex(/^\p{Script=Han}[A-Z][A-Z0-9港澳学警挂领]{5,6}$/u, { error: PLATE });

export default endpoint({
  name: "newPowerOrder",
  side: "user",
  summary: "Open a bill for a charge and have the charger's port switched on.",
  description: `
    Checked are user and name, charger, black list, unpaid bills, port, unit, and that unitPrice and money
    are today's; of a free charger both are 0. Behind a gateway the answer comes when the charger has
    confirmed the start, at the latest after ten seconds: then with state starting, and getPowerOrder tells
    how it went on. Without a gateway the order charges at once, and the phone switches the port on. A
    repeat of the same signed call waits with the first, and answers the order as it stands.`,
  auth: "session",
  movesMoney: true,
  input: z.object({
    user: Phone_,
    deviceCode: DeviceCode_,
    port: PortNo_,
    unitPrice: Yuan_.meta({ description: "Yuan for a unit, as getDeviceInfo answers" }),
    // The charger's own limit is a business rule with a reason of its own.
    unit: Whole_(0, 999).meta({
      description: "Units of thirty minutes, 1 to the charger's maxUnit",
      minimum: 1,
      maximum: MAX_UNITS,
    }),
    money: Yuan_.meta({ description: "unitPrice × unit in yuan" }),
    plateNo: PlateNo_.optional(),
  }),
  output: list(z.object({ orderId: z.string(), state: OrderState })),
  refusals: [
    "NAME_MISSING",
    "DEVICE_UNKNOWN",
    "DEVICE_DISABLED",
    "DEVICE_UNMANAGED",
    "BLACKLISTED",
    "ORDER_UNPAID",
    "UNIT_RANGE",
    "PRICE_CHANGED",
    "AMOUNT_MISMATCH",
    "PORT_BUSY",
    "PORT_DAMAGED",
    "DEVICE_OFFLINE",
    "CHARGER_UNREACHABLE",
    "CHARGER_MISCONFIGURED",
  ],
  async run({ cloud, caller, input, refuse, once }) {
    const { clock, gateways } = cloud;
    const { value: placed } = await once(async (tx) => {
      const made = await placeOrder(
        tx,
        { ...input, user: caller.phone, plateNo: input.plateNo ?? "" },
        { at: clock.now(), gateways },
      );
      return made.kind === "placed" ? made : refuse(made.reason);
    });
    // A repeat of the call waits with the first one and answers the order as it stands by then.
    const { orderId, state, cancelReason } = await startCharging(cloud, placed);
    switch (cancelReason) {
      case "PORT_BUSY":
      case "PORT_DAMAGED":
      case "DEVICE_OFFLINE":
      case "CHARGER_UNREACHABLE":
      case "CHARGER_MISCONFIGURED":
        return refuse(cancelReason);
      default:
        return [{ orderId, state }];
    }
  },
});
