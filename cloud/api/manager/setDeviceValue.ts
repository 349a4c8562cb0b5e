import { z } from "zod";
import { setOwnDevice } from "../../devices/managed.ts";
import { endpoint } from "../endpoint.ts";
import { Bit_, DeviceCode_, done, list, Phone_, ResultInfo, Unit_, Yuan_ } from "../fields.ts";
import { managing, publishTo } from "../managing.ts";

const PRICE = "unitPrice: 0.01 to 99.99 yuan, and with maxUnit units at most 999.99";

export default endpoint({
  name: "setDeviceValue",
  side: "manager",
  summary:
    "Enable or disable a charger, set its price and its longest charge; orders made before keep theirs.",
  description: `
    Give at least one of the four values. The price times the longest charge is at most 999.99 yuan. The
    gateway is told at once.`,
  auth: "session",
  input: z
    .object({
      manager: Phone_,
      deviceCode: DeviceCode_,
      state: Bit_.optional().meta({ description: "0 enabled, 1 disabled" }),
      maxUnit: Unit_.optional(),
      chargeFlag: Bit_.optional().meta({ description: "0 free, 1 charged for" }),
      unitPrice: Yuan_.optional().meta({
        description: "Yuan for a unit of thirty minutes",
        minimum: 0.01,
        maximum: 99.99,
      }),
    })
    .superRefine(({ manager, deviceCode, ...values }, context) => {
      if (Object.values(values).some((v) => v !== undefined)) return;
      const message = "missing, at least one of state, maxUnit, chargeFlag, unitPrice";
      context.addIssue({ code: "custom", path: ["state"], message });
    }),
  output: list(ResultInfo),
  refusals: ["NOT_YOURS"],
  async run({ cloud, caller, input, refuse, once }) {
    const { who, by } = managing(cloud, caller);
    const { manager: _, deviceCode, ...given } = input;
    const values = Object.fromEntries(Object.entries(given).filter(([, v]) => v !== undefined));
    const { value } = await once(async (tx) => {
      const set = await setOwnDevice(tx, { ...who, deviceCode, ...values }, by);
      if (set === "not_yours") return refuse("NOT_YOURS");
      return set === "price_range" ? refuse("PARAMETER", PRICE) : set;
    });
    publishTo(cloud, value);
    return done;
  },
});
