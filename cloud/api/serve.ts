import { httpSignature, type Parameters, verifyHttpSignature } from "@bluepower/protocol/http/signature";
import { equalConstantTime } from "@bluepower/protocol/text";
import { type Context, Hono } from "hono";
import type { Cloud } from "../cloud.ts";
import { createMetrics, type Metrics } from "../metrics.ts";
import { clientAddress } from "./address.ts";
import { answeredCalls, type CallKey } from "./answeredCalls.ts";
import { BODY_MAX, contentType, readBody, readParameters } from "./body.ts";
import type { AnyEndpoint, Caller, LoggedIn } from "./endpoint.ts";
import { type Answer, refused, success } from "./envelope.ts";
import { CALLER_NAMES, identify } from "./identify.ts";
import { shown } from "./parameters.ts";
import { RATES, rates } from "./rates.ts";
import type { Reason } from "./reasons.ts";
import { Refusal, refuse } from "./refusal.ts";

/** Parameters of every call; all but the last are required (spec 2). */
export const COMMON = ["appId", "appKey", "timestamp", "signature"] as const;
/** How far a timestamp may be from the server's clock, in seconds. */
const TIMESTAMP_TOLERANCE = 300;

export const methodPath = (endpoint: AnyEndpoint): string =>
  `/oapi/bluepower_${endpoint.side}/1_0/${endpoint.name}`;

/** What never reaches a method is an HTTP status (spec 2). */
interface Turned {
  status: 405 | 413 | 415 | 429;
  message: string;
  headers?: Record<string, string>;
}

/**
 * The signed interface: every endpoint of the table as a route, with the checks in the order of spec 2: form, app,
 * timestamp, signature, identity, permission, the method's own parameters, business.
 */
export function createApi(
  cloud: Cloud,
  table: readonly AnyEndpoint[],
  metrics: Metrics = createMetrics(),
): Hono {
  const app = new Hono();
  const { clock, log, config } = cloud;
  const limits = rates(clock);
  const answered = answeredCalls(cloud.db, clock);
  /** Changes on their way: an identical call joins. Bounded by the connections that wait for them. */
  const underWay = new Map<string, Promise<Answer>>();

  for (const endpoint of table) {
    app.all(methodPath(endpoint), async (c) => {
      const began = clock.uptime();
      const notes: Notes = { phone: null, problem: null };
      const outcome = await serve(c, endpoint, notes);
      const seconds = (clock.uptime() - began) / 1000;
      const { side, name: method } = endpoint;
      const code = "status" in outcome ? `http ${outcome.status}` : String(outcome.code);
      metrics.count("bluepower_calls_total", { side, method, code });
      metrics.observe("bluepower_call_seconds", { side, method }, seconds);
      const reason = "status" in outcome ? undefined : outcome.reason;
      const line = { side, method, code, reason, ms: Math.round(seconds * 1000), phone: masked(notes.phone) };
      if (notes.problem === null) log.info(line, "call");
      else log.error({ ...line, err: notes.problem }, "call failed");
      if (!("status" in outcome)) return c.json(outcome);
      return c.json({ code: 999, message: outcome.message, data: [] }, outcome.status, outcome.headers);
    });
  }
  app.all("/oapi/*", (c) => c.json({ code: 999, message: "unknown method", data: [] }, 404));
  return app;

  async function serve(c: Context, endpoint: AnyEndpoint, notes: Notes): Promise<Answer | Turned> {
    if (c.req.method !== "POST") return { status: 405, message: "POST only", headers: { Allow: "POST" } };
    const address = clientAddress(c, config.trustProxy);
    const wait =
      limits.take(`address ${address}`, RATES.address) ??
      (endpoint.login ? limits.take(`logins ${address}`, RATES.loginsOfAddress) : null);
    if (wait !== null) return tooMany(wait);
    const type = contentType(c.req.raw.headers);
    const body = await readBody(c.req.raw, BODY_MAX);
    if (body === undefined) return { status: 413, message: `the body has at most ${BODY_MAX} bytes` };
    if (type === undefined) {
      return {
        status: 415,
        message:
          "Content-Type is application/json or application/x-www-form-urlencoded, UTF-8, not compressed",
      };
    }
    try {
      const read = readParameters(body, type);
      if ("problem" in read) return refuse("PARAMETER", read.problem);
      checkForm(read.parameters);
      const app = checkApp(endpoint, read.parameters);
      checkTimestamp(read.parameters);
      if (!verifyHttpSignature(read.parameters, read.parameters.get("signature") ?? "", app.jamCode)) {
        refuse("SIGNATURE");
      }
      const caller = await identify(cloud, endpoint, read.parameters);
      notes.phone = caller?.phone ?? null;
      // A person without a session (documented mode) is held to the same.
      const who = caller?.session ?? (caller?.phone || null);
      const busy = who === null ? null : takeOf(who, endpoint);
      if (busy !== null) return tooMany(busy);
      await checkPermission(endpoint, caller);
      const input = ownParameters(endpoint, read);
      const key = {
        app: endpoint.side,
        method: endpoint.name,
        signature: httpSignature(read.parameters, app.jamCode),
      };
      return await once(endpoint, { key, input, caller, address });
    } catch (error) {
      if (error instanceof Refusal) return withServerTime(refused(endpoint, error));
      notes.problem = error;
      return refused(endpoint, new Refusal("INTERNAL"));
    }
  }

  /** `who` is a session, or in documented mode a phone number. */
  function takeOf(who: string, { side, movesMoney }: AnyEndpoint): number | null {
    return (
      limits.take(`session ${side} ${who}`, RATES.session) ??
      (movesMoney ? limits.take(`money ${side} ${who}`, RATES.moneyOfSession) : null)
    );
  }

  /** Both are compared in full and in constant time, so that nothing can be learned by trying. */
  function checkApp(endpoint: AnyEndpoint, parameters: Parameters): { jamCode: string } {
    const app = config.apps[endpoint.side];
    const id = equalConstantTime(parameters.get("appId") ?? "", app.appId);
    const key = equalConstantTime(parameters.get("appKey") ?? "", app.appKey);
    return id && key ? app : refuse("APP_UNKNOWN");
  }

  function checkTimestamp(parameters: Parameters): void {
    const seconds = Number(parameters.get("timestamp"));
    if (Math.abs(seconds - clock.now() / 1000) > TIMESTAMP_TOLERANCE) refuse("TIMESTAMP");
  }

  function withServerTime(answer: Answer): Answer {
    return answer.code === 1 ? { ...answer, serverTime: Math.floor(clock.now() / 1000) } : answer;
  }

  /** A new manager waits for the operator (spec 2). */
  async function checkPermission(endpoint: AnyEndpoint, caller: Caller | LoggedIn | null): Promise<void> {
    if (endpoint.side !== "manager" || endpoint.auth !== "session" || endpoint.pendingManager) return;
    // Documented mode, and nobody is named.
    if (caller?.phone === "") refuse("PARAMETER", "manager: missing, 11 digits beginning with 1");
    const row = await cloud.db
      .selectFrom("manager_info")
      .select("approved")
      .where("manager", "=", caller?.phone ?? "")
      .executeTakeFirst();
    if (row?.approved !== 1) refuse("MANAGER_PENDING");
  }

  /** Identical changes at the same time are one: the second waits with the first and gets its answer. */
  async function once(endpoint: AnyEndpoint, call: Call): Promise<Answer> {
    if ("read" in endpoint) return await carryOut(endpoint, call);
    const name = `${call.key.app} ${call.key.method} ${call.key.signature}`;
    const first = underWay.get(name);
    if (first !== undefined) return await first;
    const answer = carryOut(endpoint, call).finally(() => underWay.delete(name));
    underWay.set(name, answer);
    return await answer;
  }

  async function carryOut(endpoint: AnyEndpoint, call: Call): Promise<Answer> {
    const { input, caller, address } = call;
    // `identify` and the endpoint's own schema have given the caller and the input that this endpoint declares.
    const context = <T extends object>(more: T): never =>
      ({ cloud, input, caller, address, refuse, ...more }) as never;
    const checked = (data: unknown): unknown => endpoint.output.parse(data);
    const onceOfCall = answered.onceFor(call.key);
    if ("read" in endpoint) {
      let remarked: Reason | undefined;
      const remark = (reason: Reason): void => {
        remarked = reason;
      };
      const data = checked(await endpoint.read(context({ remark })));
      return success(data, remarked);
    }
    if ("run" in endpoint) return success(checked(await endpoint.run(context({ once: onceOfCall }))));
    const { value } = await onceOfCall(async (tx) => checked(await endpoint.change(context({ tx }))));
    return success(value);
  }
}

/** What the log line says besides the outcome. */
interface Notes {
  phone: string | null;
  problem: unknown;
}

interface Call {
  key: CallKey;
  input: Record<string, unknown>;
  caller: Caller | LoggedIn | null;
  address: string;
}

const tooMany = (seconds: number): Turned => ({
  status: 429,
  message: "too many calls",
  headers: { "Retry-After": String(seconds) },
});

function checkForm(parameters: Parameters): void {
  const missing = COMMON.find((name) => (parameters.get(name) ?? "") === "");
  if (missing !== undefined) refuse("PARAMETER", `${missing}: missing`);
  if (!/^[0-9]{1,12}$/.test(parameters.get("timestamp") ?? "")) {
    refuse("PARAMETER", "timestamp: UNIX seconds, plain digits");
  }
}

/** The method's own parameters as its schema gives them. An empty text counts as absent; an unknown name is refused. */
function ownParameters(
  endpoint: AnyEndpoint,
  sent: { parameters: Parameters; booleans: ReadonlySet<string> },
): Record<string, unknown> {
  const shape = endpoint.input.shape;
  const ofEveryCall = [...COMMON, "session", CALLER_NAMES[endpoint.side][0]];
  const own = new Map<string, string>();
  for (const [name, text] of sent.parameters) {
    if (Object.hasOwn(shape, name)) {
      if (sent.booleans.has(name)) refuse("PARAMETER", `${name}: a text or a number`);
      if (text !== "") own.set(name, text);
    } else if (!ofEveryCall.includes(name)) {
      refuse("PARAMETER", `${shown(name)}: unknown to ${endpoint.name}`);
    }
  }
  const parsed = endpoint.input.safeParse(Object.fromEntries(own));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  return refuse("PARAMETER", issue === undefined ? undefined : `${issue.path.join(".")}: ${issue.message}`);
}

/** 13800000001 as 138****0001. */
const masked = (phone: string | null): string | undefined =>
  phone === null ? undefined : phone.replace(/^(...)....(....)$/, "$1****$2");
