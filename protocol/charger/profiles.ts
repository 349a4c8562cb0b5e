/**
 * What differs between kinds of chargers, as data (spec 1, "version"). A record of a charger names its
 * profile by number; a number that is not here is never driven.
 */
export interface ChargerProfile {
  readonly number: number;
  /** 16-bit or 128-bit UUIDs, lower case, as noble and bleno write them. */
  readonly service: string;
  /** Takes write and write-without-response. */
  readonly write: string;
  readonly notify: string;
  /** `site`: YYMMDDHHMMSS in the site's zone, as the charger's own clock; `unix`: seconds. */
  readonly timestamp: "site" | "unix";
  readonly ports: number;
}

const profiles: readonly ChargerProfile[] = [
  { number: 1, service: "ffe0", write: "ffe1", notify: "ffe2", timestamp: "site", ports: 4 },
];

export function chargerProfile(number: number): ChargerProfile | undefined {
  return profiles.find((p) => p.number === number);
}
