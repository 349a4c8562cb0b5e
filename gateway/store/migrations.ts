/**
 * The gateway's tables, one entry per `user_version`. A time is a moment of the monotonic clock, (boot, uptime):
 * its wall time follows from the boot's epoch, which is corrected when the gateway learns what time it is.
 */
export const migrations: readonly string[] = [
  `
  create table meta (key text primary key, value text not null) strict, without rowid;

  -- begun, ran: uptime when the boot began and the last one written; base: milliseconds run in earlier boots.
  create table boot (
    boot integer primary key,
    begun integer not null,
    ran integer not null,
    base integer not null,
    epoch integer not null,
    quality text not null check (quality in ('synced', 'charger', 'unknown'))
  ) strict;

  create table desired (
    one integer primary key check (one = 1),
    version integer not null,
    body text not null
  ) strict;

  create table command (
    id text primary key,
    kind text not null,
    body text not null,
    orderId text,
    deviceCode text,
    deadline integer not null,
    replyTo text not null,
    boot integer not null,
    uptime integer not null,
    outcome text
  ) strict;
  create index commandOpen on command (orderId) where outcome is null;

  create table chargeOrder (
    orderId text primary key,
    deviceCode text,
    port integer,
    minutes integer,
    state text not null check (state in ('starting', 'charging', 'finished', 'failed', 'cancelled')),
    deadline integer not null,
    boot integer not null,
    uptime integer not null,
    attempts integer not null,
    outstanding integer not null,
    attemptBoot integer,
    attemptUptime integer,
    minutesLeft integer,
    leftBoot integer,
    leftUptime integer,
    cancelWanted integer not null,
    stopWanted text,
    delivered integer,
    endReason text,
    evidence text,
    failReason text,
    detail text not null,
    settled integer not null
  ) strict;
  create index chargeOrderOpen on chargeOrder (deviceCode) where state in ('starting', 'charging') or settled = 0;

  -- A port has at most one live order: by this key, not by looking first.
  create table livePort (
    deviceCode text not null,
    port integer not null,
    orderId text not null unique references chargeOrder (orderId),
    primary key (deviceCode, port)
  ) strict, without rowid;

  -- What the cloud was last told of a charger's ports, and which of them run for nobody.
  create table chargerPorts (
    deviceCode text primary key,
    ports text not null,
    foreignPorts text not null
  ) strict, without rowid;

  -- autoincrement: a sequence number is never used twice, also when all rows before have been deleted.
  create table journal (
    seq integer primary key autoincrement,
    kind text not null,
    body text not null,
    boot integer not null,
    uptime integer not null,
    writtenBoot integer not null,
    writtenUptime integer not null
  ) strict;
  `,
];
