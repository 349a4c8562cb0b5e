import { type Logger, pino } from "pino";
import pretty from "pino-pretty";

/**
 * JSON lines, readable ones on a terminal. Written at once: what a program said before it was killed is there. Paths that could
 * ever hold a secret are cut out, whoever logs them.
 */
export function createLog(level: string): Logger {
  const destination = process.stdout.isTTY
    ? pretty({ colorize: true, sync: true, ignore: "pid,hostname,event", translateTime: "SYS:HH:MM:ss" })
    : pino.destination({ fd: 1, sync: true });
  const secrets = ["session", "signature", "appKey", "jamCode", "token", "secret", "sessionKey", "password"];
  const redact = { paths: secrets.flatMap((name) => [name, `*.${name}`]), remove: true };
  return pino({ level, base: null, redact }, destination);
}
