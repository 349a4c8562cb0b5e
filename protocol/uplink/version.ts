/**
 * Version of the uplink messages. Every message carries it as `v`; a gateway's hello says the range it speaks.
 * The cloud serves the current and the previous one and refuses others by name (spec 4, sync).
 */
export const UPLINK_VERSION = 1;
export const UPLINK_OLDEST = 1;

/** The version both sides speak, the newest first; undefined when there is none. */
export function commonVersion(other: { min: number; max: number }): number | undefined {
  const version = Math.min(other.max, UPLINK_VERSION);
  return version >= Math.max(other.min, UPLINK_OLDEST) ? version : undefined;
}
