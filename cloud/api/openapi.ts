import { httpSignature } from "@bluepower/protocol/http/signature";
import { z } from "zod";
import { type AnyEndpoint, commonReasons } from "./endpoint.ts";
import { CALLER_NAMES } from "./identify.ts";
import { type Reason, reasons } from "./reasons.ts";
import { methodPath } from "./serve.ts";

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
type JsonObject = Record<string, Json>;

export interface OpenApiDocument {
  openapi: "3.1.0";
  info: JsonObject;
  servers: Json;
  security: Json;
  tags: Json;
  paths: Record<string, { post: Operation }>;
  components: { schemas: Record<string, JsonObject> & { [call: `${string}Call`]: CallSchema } };
}

/** The parameters of one method. */
export type CallSchema = JsonObject & { properties: Record<string, JsonObject>; required: string[] };

export interface Operation {
  operationId: string;
  tags: string[];
  summary: string;
  description: string;
  requestBody: { required: true; content: Record<string, { schema: { $ref: string } }> };
  responses: Record<string, Json>;
  /** Words that `reason` may have besides those of every method. */
  "x-reasons": Record<string, { code: number; message: string }>;
}

/**
 * The OpenAPI 3.1 document of the table. It is committed as docs/openapi.json, so that a change of the contract shows in a
 * diff; the phones' client is generated from it.
 */
export function openApiDocument(table: readonly AnyEndpoint[]): OpenApiDocument {
  return {
    openapi: "3.1.0",
    info: {
      title: "BluePower",
      version: "1.0",
      description: DESCRIPTION,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/", description: "This server" }],
    // The signature is a parameter of the body, which no security scheme of OpenAPI describes.
    security: [],
    tags: [
      { name: "user", description: "Users of chargers" },
      { name: "manager", description: "Managers of chargers" },
    ],
    paths: Object.fromEntries(table.map((e) => [methodPath(e), { post: operation(e) }])),
    components: {
      schemas: {
        ...Object.fromEntries(table.map((e) => [callName(e), callSchema(e)])),
        Refusal: refusalSchema,
      },
    },
  };
}

const EXAMPLE = {
  jamCode: "ExampleJamCode0123456789abcdefgh",
  parameters: new Map([
    ["appId", "an-app"],
    ["appKey", "its-key"],
    ["deviceCode", "DEMO0001"],
    ["timestamp", "1795314600"],
  ]),
};

const DESCRIPTION = `All calls are POST with a JSON object or a form of scalar parameters, and are answered with HTTP 200
and an envelope of \`code\`, \`message\`, \`data\` and, when refused, \`reason\`.

\`signature\`: all other parameters sorted by name in ASCII order and joined as name, value, name, value …, the app's jam code
appended, MD5, base64 of the 16 bytes (of the 32 hex characters is taken, too). The value is the text as sent, of a JSON number
its literal; what is null is left out, an empty text enters by its name and counts as absent. With the jam code
${EXAMPLE.jamCode} and
${JSON.stringify(Object.fromEntries(EXAMPLE.parameters))}
it is ${httpSignature(EXAMPLE.parameters, EXAMPLE.jamCode)}

Who calls is known by \`session\`, which the login answers and getUserPhone or getManagerPhone binds to a phone number;
\`user\` or \`manager\` must be that number. Checks run in the order form, app, timestamp, signature, identity, permission,
parameters, business.

A change that is sent again within 15 minutes with the same signature is carried out once and answered alike: repeat a call
that got no answer as it was, and give a new call a new second. After code 1 correct the clock by \`serverTime\` and repeat.

HTTP 429 with Retry-After: over 300 calls a minute and session, 60 that move money, 3,000 of one address or 60 logins.

Codes: 0 success, 1 timestamp, 2 signature, 3 parameter, 4 identity not certified, 5 not allowed, 6 device or port occupied,
999 unknown.`;

/** What a parameter of every call is. */
const common: Record<string, JsonObject> = {
  appId: { type: "string", description: "The app's id" },
  appKey: { type: "string", description: "The app's key" },
  timestamp: { type: "integer", description: "UNIX seconds, at most 300 s from the server's clock" },
  signature: { type: "string", description: "Signature over all other parameters, base64" },
};

const callName = (endpoint: AnyEndpoint): `${string}Call` => `${endpoint.name}Call`;

function callSchema(endpoint: AnyEndpoint): CallSchema {
  const input = z.toJSONSchema(endpoint.input, { io: "input" }) as JsonObject;
  const own = (input.properties ?? {}) as Record<string, JsonObject>;
  const person = CALLER_NAMES[endpoint.side][0] ?? "";
  const session: JsonObject = { type: "string", description: "The session of the login" };
  const caller: JsonObject = { type: "string", description: "The session's phone number" };
  return {
    type: "object",
    additionalProperties: false,
    properties: { ...common, session, ...(person in own ? {} : { [person]: caller }), ...own },
    required: [
      ...Object.keys(common),
      ...(endpoint.auth === "open" ? [] : ["session"]),
      ...((input.required ?? []) as string[]),
    ],
  };
}

function operation(endpoint: AnyEndpoint): Operation {
  const schema = { $ref: `#/components/schemas/${callName(endpoint)}` };
  return {
    operationId: endpoint.name,
    tags: [endpoint.side],
    summary: endpoint.summary,
    description: AUTH[endpoint.auth],
    requestBody: {
      required: true,
      content: { "application/json": { schema }, "application/x-www-form-urlencoded": { schema } },
    },
    responses: {
      "200": {
        description: "Carried out, or refused with a code",
        content: { "application/json": { schema: answerSchema(endpoint) } },
      },
      "4XX": { description: "405, 413, 415 or 429: the call did not reach the method" },
    },
    "x-reasons": Object.fromEntries(endpoint.refusals.toSorted(byName).map((r) => [r, described(r)])),
  };
}

const AUTH = {
  open: "May be called without a session.",
  login: "Needs a session.",
  session: "Needs a session with a phone number.",
} as const;

const byName = (a: string, b: string): number => (a < b ? -1 : 1);
const described = (reason: Reason) => ({ code: reasons[reason].code, message: reasons[reason].sentence });

function answerSchema(endpoint: AnyEndpoint): JsonObject {
  const { $schema: _, ...data } = z.toJSONSchema(endpoint.output, { io: "output" }) as JsonObject;
  const carriedOut: JsonObject = {
    type: "object",
    required: ["code", "message", "data"],
    properties: {
      code: { const: 0 },
      message: { type: "string" },
      reason: {
        type: "string",
        description: "With a ResultInfo whose result is 1, or a remark on what is answered",
      },
      data,
    },
  };
  return { anyOf: [carriedOut, { $ref: "#/components/schemas/Refusal" }] };
}

const refusalSchema: JsonObject = {
  type: "object",
  description: `Every method may answer ${commonReasons.join(", ")}; the others stand with the method.`,
  required: ["code", "message", "reason", "data"],
  properties: {
    code: { enum: [1, 2, 3, 4, 5, 6, 999] },
    message: {
      type: "string",
      description: "A sentence for a person; of code 3 with the parameter and what is allowed",
    },
    reason: { type: "string", enum: Object.keys(reasons).toSorted(byName) },
    serverTime: { type: "integer", description: "UNIX seconds, with code 1" },
    data: { type: "array", maxItems: 0 },
  },
};
