import { createH4Reader } from "@bluepower/protocol/hci/h4";
import type { OpenHciStream } from "@bluepower/protocol/hci/socket";
import type { Random } from "@bluepower/protocol/random";
import { bluetoothName, isChipId } from "@bluepower/protocol/units";
import { type DeviceAddress, numberedAddress, parseAddress } from "./address.ts";
import { Air } from "./air.ts";
import { executeCommand } from "./commands.ts";
import { Controller } from "./controller.ts";
import type { Timing } from "./link.ts";

/** One air and the controllers in it. */
export interface VirtualRadio {
  readonly air: Air;
  /** In the order of their coming. */
  controllers(): readonly Controller[];
  /**
   * A new controller, with a fresh address unless one is given. Call `detach` when its host is gone;
   * `unplugged` is called when a fault cuts it off its host.
   */
  attach(host: {
    toHost: (packet: Uint8Array) => void;
    unplugged?: () => void;
    address?: DeviceAddress;
  }): Controller;
  detach(controller: Controller): void;
  /**
   * The controller with this address (`02:b0:c0:00:00:01`), local name (`BUC_A1B2C3D4E5F6`) or chip ID
   * (`A1B2C3D4E5F6`); of several with one name, the one that came last.
   */
  find(name: string): Controller | undefined;
  close(): void;
}

/** An air with nobody in it yet. */
export function createVirtualRadio(options: { timing: Timing; random: Random }): VirtualRadio {
  const air = new Air(options);
  const present = new Set<Controller>();
  let made = 0;
  const radio: VirtualRadio = {
    air,
    controllers: () => [...present],
    attach({ toHost, unplugged, address = numberedAddress(made++) }) {
      const cut = (): void => {
        radio.detach(controller);
        unplugged?.();
      };
      const controller = new Controller(air, { address, toHost, unplugged: cut }, executeCommand);
      present.add(controller);
      return controller;
    },
    detach(controller) {
      controller.detach();
      present.delete(controller);
    },
    find(name) {
      const address = parseAddress(name);
      const names = isChipId(name) ? [name, bluetoothName(name)] : [name];
      return [...present]
        .reverse()
        .find((c) => c.address === address || (c.name !== undefined && names.includes(c.name)));
    },
    close() {
      for (const controller of present) radio.detach(controller);
      air.close();
    },
  };
  return radio;
}

/** A stream to a controller of its own in the same process: the `open` of an HCI socket. */
export function inProcess(radio: VirtualRadio, options: { address?: DeviceAddress } = {}): OpenHciStream {
  return (events) => {
    const controller = radio.attach({
      toHost: (packet) => events.data(packet),
      unplugged: () => events.closed(),
      ...options,
    });
    const reader = createH4Reader();
    events.opened();
    return {
      write(bytes) {
        for (const packet of reader.push(bytes).packets) controller.fromHost(packet);
      },
      buffered: () => 0,
      close: () => radio.detach(controller),
    };
  };
}
