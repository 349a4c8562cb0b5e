import { z } from "zod";
import { placeOrder } from "../../orders/place.ts";
import { startCharging } from "../../orders/start.ts";
import { endpoint } from "../endpoint.ts";
import { DeviceCode_, list, Phone_, PortNo_, Whole_, Yuan_ } from "../fields.ts";

const PLATE = "7 or 8 characters: a Chinese character, a letter, 5 or 6 of A-Z 0-9 港澳学警挂领";
/** A province in one character, a city in one letter, and the number (spec 5). */
const PlateNo_ = z.string().regex(/^\p{Script=Han}[A-Z][A-Z0-9港澳学警挂领]{5,6}$/u, { error: PLATE });

export default endpoint({
  name: "newPowerOrder",
  side: "user",
  summary: "Open a bill for a charge and have the charger's port switched on.",
  auth: "session",
  movesMoney: true,
  input: z.object({
    user: Phone_,
    deviceCode: DeviceCode_,
    port: PortNo_,
    unitPrice: Yuan_,
    // The charger's own limit is a business rule with a reason of its own.
    unit: Whole_(0, 999),
    money: Yuan_,
    plateNo: PlateNo_.optional(),
  }),
  output: list(
    z.object({ orderId: z.string(), state: z.enum(["starting", "charging", "finished", "cancelled"]) }),
  ),
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
