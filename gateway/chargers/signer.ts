import { encodeRequest, type SetName } from "@bluepower/protocol/charger/frames";
import { signRequest } from "@bluepower/protocol/charger/signature";
import type { JamCode } from "@bluepower/protocol/units";

/** A charger remembers the last 256 signatures; a little more is kept here. */
const REMEMBERED = 300;

/**
 * Signs commands so that no signature is used twice: a charger takes a repeated one for a replay and refuses it. What was
 * sent is remembered beyond the link, as the charger does.
 */
export class Signer {
  readonly #sent = new Set<string>();

  /**
   * The frame of a command. `timestamp(n)` is the charger's time `n` seconds ahead: a second that this very command has used is
   * passed over; different commands share one.
   */
  frame(of: {
    name: SetName;
    parameters: readonly string[];
    jamCode: JamCode;
    timestamp: (later: number) => string;
  }): string {
    for (let later = 0; ; later++) {
      const timestamp = of.timestamp(later);
      const frame = encodeRequest(
        signRequest({ name: of.name, parameters: of.parameters, timestamp }, of.jamCode),
      );
      if (this.#sent.has(frame)) continue;
      this.#sent.add(frame);
      if (this.#sent.size > REMEMBERED) {
        const oldest = this.#sent.values().next();
        if (oldest.done !== true) this.#sent.delete(oldest.value);
      }
      return frame;
    }
  }
}
