import { FrameReader, frameBytes } from "@bluepower/protocol/charger/reader";
import type { SimulatedPeer } from "../radio/simulatedRadio.ts";

/** A charger that says what a test wants it to: frames in, frames out. */
export interface ScriptedPeer extends SimulatedPeer {
  /** What it was sent, in order, over all links. */
  readonly frames: string[];
  /** Names of the commands it was sent. */
  readonly names: () => string[];
  links: number;
}

/** Answers of a charger with a clock that is right and four free ports. */
export function usualAnswer(frame: string, time: string): string[] {
  if (frame === "@QTIME&") return [`@OK|0|${time}&`];
  if (frame === "@STA&") return ["@OK|0|1000|2000|3000|4000&"];
  return ["@OK|0&"];
}

/** `answer` gives the frames that come back; nothing: silence. */
export function scriptedPeer(answer: (frame: string) => string[]): ScriptedPeer {
  const reader = new FrameReader();
  const frames: string[] = [];
  const peer: ScriptedPeer = {
    frames,
    names: () => frames.map((f) => /^@([A-Z]+)/.exec(f)?.[1] ?? f),
    links: 0,
    connected() {
      peer.links += 1;
      return true;
    },
    disconnected: () => reader.reset(),
    receive: (bytes) =>
      reader.push(bytes).flatMap((frame) => {
        frames.push(frame);
        return answer(frame).map(frameBytes);
      }),
  };
  return peer;
}
