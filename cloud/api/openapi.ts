import { z } from "zod";
import { type AnyEndpoint, commonReasons } from "./endpoint.ts";
import { refused } from "./envelope.ts";
import examples from "./examples.json" with { type: "json" };
import { glossary } from "./glossary.ts";
import { CALLER_NAMES } from "./identify.ts";
import { introduction } from "./introduction.ts";
import { type Reason, reasons } from "./reasons.ts";
import { Refusal } from "./refusal.ts";
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
  components: {
    schemas: Record<string, JsonObject> & { [call: `${string}Call`]: CallSchema };
    responses: Record<string, JsonObject>;
  };
}

/** The parameters of one method. */
export type CallSchema = JsonObject & { properties: Record<string, JsonObject>; required: string[] };

/** A whole call, or a whole answer. */
type Examples = Record<string, { summary: string; value: Json }>;

export interface Operation {
  operationId: string;
  tags: string[];
  summary: string;
  description: string;
  requestBody: { required: true; content: Record<string, { schema: Json; example: Json }> };
  responses: {
    "200": {
      description: string;
      content: { "application/json": { schema: { anyOf: [JsonObject, JsonObject] }; examples: Examples } };
    };
    [status: string]: Json;
  };
  /** Words that `reason` may have besides those of every method. */
  "x-reasons": Record<string, { code: number; message: string }>;
}

/**
 * The OpenAPI 3.1 document of the table. It is committed as docs/openapi.json, so that a change of the contract shows in a
 * diff; the phones' client is generated from it.
 */
export function openApiDocument(table: readonly AnyEndpoint[]): OpenApiDocument {
  const shared: Record<string, JsonObject> = {};
  const paths = Object.fromEntries(table.map((e) => [methodPath(e), { post: operation(e, shared) }]));
  const calls = Object.fromEntries(table.map((e) => [callName(e), callSchema(e, shared)]));
  return {
    openapi: "3.1.0",
    info: {
      title: "BluePower",
      version: "1.0",
      description: introduction,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/", description: "This server" }],
    // The signature is a parameter of the body, which no security scheme of OpenAPI describes.
    security: [],
    tags: [
      { name: "user", description: "Users of chargers" },
      { name: "manager", description: "Managers of chargers" },
    ],
    paths,
    components: {
      schemas: { ...calls, ...shared, Refusal: refusalSchema },
      responses: Object.fromEntries(turnedAway.map(({ name, response }) => [name, response])),
    },
  };
}

const callName = (endpoint: AnyEndpoint): `${string}Call` => `${endpoint.name}Call`;

const common: Record<string, JsonObject> = {
  appId: { type: "string" },
  appKey: { type: "string" },
  timestamp: { type: "integer" },
  signature: { type: "string" },
};

function callSchema(endpoint: AnyEndpoint, shared: Record<string, JsonObject>): CallSchema {
  const input = schemaOf(endpoint.input, "input", shared);
  const own = (input.properties ?? {}) as Record<string, JsonObject>;
  const person = CALLER_NAMES[endpoint.side][0] ?? "";
  const text: JsonObject = { type: "string" };
  const properties = { ...common, session: text, ...(person in own ? {} : { [person]: text }), ...own };
  return {
    type: "object",
    additionalProperties: false,
    properties: explained(properties),
    required: [
      ...Object.keys(common),
      ...(endpoint.auth === "open" ? [] : ["session"]),
      ...((input.required ?? []) as string[]),
    ],
  };
}

function operation(endpoint: AnyEndpoint, shared: Record<string, JsonObject>): Operation {
  const schema = { $ref: `#/components/schemas/${callName(endpoint)}` };
  const { call, answer } = exampleOf(endpoint);
  const body = { schema, example: call };
  const description = [endpoint.description.replace(/\s+/g, " ").trim(), AUTH[endpoint.auth]];
  if (endpoint.movesMoney === true) description.push("At most 60 calls a minute that move money.");
  const refusals = endpoint.refusals.toSorted(byName);
  return {
    operationId: endpoint.name,
    tags: [endpoint.side],
    summary: endpoint.summary,
    description: description.join(" "),
    requestBody: {
      required: true,
      content: { "application/json": body, "application/x-www-form-urlencoded": body },
    },
    responses: {
      "200": {
        description: "Carried out, or refused with a code",
        content: {
          "application/json": {
            schema: answerSchema(endpoint, shared),
            examples: {
              done: { summary: "Carried out", value: answer },
              ...Object.fromEntries(refusals.filter(isRefusal).map((r) => [r, refusalExample(endpoint, r)])),
              SESSION: refusalExample(endpoint, "SESSION"),
            },
          },
        },
      },
      ...Object.fromEntries(
        turnedAway.map(({ status, name }) => [status, { $ref: `#/components/responses/${name}` }]),
      ),
    },
    "x-reasons": Object.fromEntries(refusals.map((r) => [r, described(r)])),
  };
}

const AUTH = {
  open: "May be called without a session.",
  login: "Needs a session.",
  session: "Needs a session with a phone number.",
} as const;

const byName = (a: string, b: string): number => (a < b ? -1 : 1);
const described = (reason: Reason) => ({ code: reasons[reason].code, message: reasons[reason].sentence });
/** A remark stands beside an answer that is good. */
const isRefusal = (reason: Reason): boolean => reason !== "TRUNCATED";

/** A call that was made, and its answer. */
function exampleOf({ name }: AnyEndpoint): { call: Json; answer: Json } {
  const found = (examples as Record<string, { call: Json; answer: Json }>)[name];
  if (found === undefined) throw new Error(`${name} has no example: UPDATE_EXAMPLES=1 makes it`);
  return found;
}

const refusalExample = (endpoint: AnyEndpoint, reason: Reason) => ({
  summary: `Code ${reasons[reason].code}`,
  value: refused(endpoint, new Refusal(reason)) as unknown as Json,
});

function answerSchema(
  endpoint: AnyEndpoint,
  shared: Record<string, JsonObject>,
): { anyOf: [JsonObject, JsonObject] } {
  const carriedOut: JsonObject = {
    type: "object",
    required: ["code", "message", "data"],
    properties: {
      code: { const: 0, description: "Carried out, or a ResultInfo whose result is 1" },
      message: { type: "string", description: "A sentence for a person" },
      reason: {
        type: "string",
        description: "With a ResultInfo whose result is 1, or a remark on what is answered",
      },
      data: { ...schemaOf(endpoint.output, "output", shared), description: "The answer" },
    },
  };
  return { anyOf: [carriedOut, { $ref: "#/components/schemas/Refusal" }] };
}

/** The schema of a value on the wire. What has a name of its own goes to `shared` and is referred to. */
function schemaOf(of: z.ZodType, io: "input" | "output", shared: Record<string, JsonObject>): JsonObject {
  const { $schema: _, $defs = {}, ...schema } = z.toJSONSchema(of, { io }) as JsonObject;
  for (const [name, definition] of Object.entries($defs as Record<string, JsonObject>)) {
    const { id: _, ...own } = definition;
    shared[name] = explain(own);
  }
  return explain(schema);
}

/** Every member says what it means: by itself, or by the glossary. */
function explain(schema: JsonObject): JsonObject {
  const said: JsonObject = { ...schema };
  if (typeof said.$ref === "string") said.$ref = said.$ref.replace("#/$defs/", "#/components/schemas/");
  if (said.properties !== undefined)
    said.properties = explained(said.properties as Record<string, JsonObject>);
  if (said.items !== undefined) said.items = explain(said.items as JsonObject);
  return said;
}

function explained(properties: Record<string, JsonObject>): Record<string, JsonObject> {
  return Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => {
      const description = schema.description ?? glossary[name];
      return [name, { ...explain(schema), ...(description !== undefined && { description }) }];
    }),
  );
}

const refusalSchema: JsonObject = {
  type: "object",
  description: `Every method may answer ${commonReasons.map((r) => `${r} (${reasons[r].code})`).join(", ")}; the others stand with the method.`,
  required: ["code", "message", "reason", "data"],
  properties: {
    code: { enum: [1, 2, 3, 4, 5, 6, 999], description: "The code of the table" },
    message: {
      type: "string",
      description: "A sentence for a person; of code 3 with the parameter and what is allowed",
    },
    reason: {
      type: "string",
      enum: Object.keys(reasons).toSorted(byName),
      description: "The stable word for a program",
    },
    serverTime: { type: "integer", description: "UNIX seconds, with code 1" },
    data: { type: "array", maxItems: 0, description: "Empty" },
  },
};

const unknown = (message: string) => ({ code: 999, message, data: [] });

/** What never reaches a method. */
const turnedAway = [
  {
    status: "405",
    name: "NoPost",
    response: turned("The call is no POST", unknown("POST only")),
  },
  {
    status: "413",
    name: "TooLarge",
    response: turned("The body is over 64 KiB", unknown("the body has at most 65536 bytes")),
  },
  {
    status: "415",
    name: "NoForm",
    response: turned(
      "The body is neither JSON nor a form",
      unknown("Content-Type is application/json or application/x-www-form-urlencoded, UTF-8, not compressed"),
    ),
  },
  {
    status: "429",
    name: "TooOften",
    response: {
      ...turned("A rate is used up", unknown("too many calls")),
      headers: { "Retry-After": { description: "Seconds to wait", schema: { type: "integer" } } },
    },
  },
];

function turned(description: string, example: JsonObject): JsonObject {
  const schema: JsonObject = {
    type: "object",
    required: ["code", "message", "data"],
    properties: {
      code: { const: 999, description: "Unknown" },
      message: { type: "string", description: "What is wrong, in English" },
      data: { type: "array", maxItems: 0, description: "Empty" },
    },
  };
  return { description, content: { "application/json": { schema, example } } };
}
