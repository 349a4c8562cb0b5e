import { chunks } from "@bluepower/protocol/charger/reader";
import { type Clock, seconds, type Timer } from "@bluepower/protocol/clock";
import { bluetoothName } from "@bluepower/protocol/units";
import type { Bleno } from "./bleno.ts";
import type { SimulatedCharger } from "./charger.ts";
import { FaultyCharger } from "./faults.ts";
import { ReplyQueue } from "./replyQueue.ts";

/** Legacy advertising has 31 bytes. */
export const ADVERTISEMENT_MAX = 31;

/** ATT's MTU before the two sides have agreed on another. */
const DEFAULT_MTU = 23;
/** Opcode and handle of a notification. */
const NOTIFICATION_HEADER = 3;

/** Resetting and asking a controller takes well under a second; one behind a slow UART a little longer. */
const UP = seconds(8);
/** An adapter that was unplugged or hangs says nothing: it is asked for its address. */
const ASK_EVERY = seconds(10);
const ANSWER = seconds(3);

export interface PeripheralOptions {
  charger: SimulatedCharger;
  clock: Clock;
  bleno: Bleno;
  /** Notifications of at most so many bytes, whatever the MTU: for tests of the central. */
  chunk?: number | undefined;
  /** Advertising for the first time. */
  ready: (address: string) => void;
  /** The adapter cannot be used any more; bleno cannot be restarted, so the process ends. */
  fatal: (reason: string) => void;
}

/** The charger on the air: advertising, the byte pipe of its profile, one central at a time. Answers its faults. */
export function startPeripheral(of: PeripheralOptions): FaultyCharger {
  const { bleno, charger, clock } = of;
  const faulty = new FaultyCharger({ charger, clock, dropLink: () => bleno.disconnect() });
  let mtu = DEFAULT_MTU;
  let address = "";
  let up = false;

  const notify = new bleno.Characteristic({ uuid: charger.profile.notify, properties: ["notify"] });
  const replies = new ReplyQueue({
    clock,
    send(bytes) {
      const size = Math.min(mtu - NOTIFICATION_HEADER, of.chunk ?? Number.POSITIVE_INFINITY);
      for (const chunk of chunks(bytes, size)) notify.updateValueCallback?.(Buffer.from(chunk));
    },
  });
  const write = new bleno.Characteristic({
    uuid: charger.profile.write,
    properties: ["write", "writeWithoutResponse"],
    onWriteRequest(data, _offset, _withoutResponse, done) {
      done(0);
      for (const reply of faulty.receive(data)) replies.push(reply);
    },
  });

  const advertise = (): void => {
    const { data, scanResponse } = advertisement(bluetoothName(charger.chip), charger.profile.service);
    bleno.startAdvertisingWithEIRData(Buffer.from(data), Buffer.from(scanResponse), (error) => {
      if (error) of.fatal(`the adapter does not advertise: ${error.message}`);
    });
  };

  bleno.on("mtuChange", (agreed) => {
    mtu = agreed;
  });
  bleno.on("accept", () => {
    mtu = DEFAULT_MTU;
    if (!charger.connected()) bleno.disconnect();
  });
  // bleno advertises again by itself.
  bleno.on("disconnect", () => {
    replies.clear();
    faulty.disconnected();
  });
  charger.onDrop(() => {
    replies.clear();
    bleno.disconnect();
  });
  charger.onEvent((event) => {
    if (event.kind !== "power" || !up) return;
    if (event.powered) advertise();
    else bleno.stopAdvertising();
  });

  watchAdapter({
    ...of,
    onAddress: (given) => {
      address = given;
    },
    up() {
      up = true;
      bleno.setServices([
        new bleno.PrimaryService({ uuid: charger.profile.service, characteristics: [write, notify] }),
      ]);
      if (charger.view().powered) advertise();
      of.ready(address);
    },
  });
  return faulty;
}

/**
 * Flags, complete local name and service UUID (hex digits) in one packet; a UUID of 128 bits does not fit beside
 * the name and goes into the scan response.
 */
export function advertisement(name: string, service: string): { data: Uint8Array; scanResponse: Uint8Array } {
  const uuid = service.match(/../g)?.map((byte) => Number.parseInt(byte, 16)) ?? [];
  const field = (type: number, value: number[]): number[] => [value.length + 1, type, ...value];
  const data = [
    // LE General Discoverable Mode, BR/EDR not supported
    ...field(0x01, [0x06]),
    ...field(
      0x09,
      Array.from(name, (c) => c.charCodeAt(0)),
    ),
  ];
  // complete list of 16-bit or of 128-bit service UUIDs, the least significant byte first
  const services = field(uuid.length === 2 ? 0x03 : 0x07, uuid.toReversed());
  const fits = data.length + services.length <= ADVERTISEMENT_MAX;
  return {
    data: Uint8Array.from(fits ? [...data, ...services] : data),
    scanResponse: Uint8Array.from(fits ? [] : services),
  };
}

/** Waits for the adapter, and asks it from time to time whether it is still there. */
function watchAdapter(of: {
  clock: Clock;
  bleno: Bleno;
  onAddress: (address: string) => void;
  up: () => void;
  fatal: (reason: string) => void;
}): void {
  const { clock, bleno } = of;
  const hci = bleno._bindings._hci;
  let up = false;
  let answer: Timer = clock.after(UP, "adapter up", () =>
    of.fatal("the adapter does not come up: is it there, down, and used by nobody else?"),
  );
  let asking = false;
  const ask = (): void => {
    clock.after(ASK_EVERY, "adapter alive", () => {
      asking = true;
      answer = clock.after(ANSWER, "adapter answer", () => of.fatal("the adapter does not answer any more"));
      hci.readBdAddr();
    });
  };
  hci.on("addressChange", (address) => {
    of.onAddress(address);
    if (!asking) return;
    asking = false;
    answer.cancel();
    ask();
  });
  // The first listener starts bleno.
  bleno.on("stateChange", (state) => {
    if (state === "poweredOn" && !up) {
      up = true;
      answer.cancel();
      of.up();
      ask();
    } else if (state === "poweredOff") of.fatal("the adapter was switched off");
    else if (state === "unauthorized") {
      of.fatal("no permission for the adapter: CAP_NET_RAW and CAP_NET_ADMIN are needed");
    } else if (state === "unsupported") of.fatal("the adapter does not know Bluetooth Low Energy");
  });
}
