import { readdirSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { createApi } from "../../cloud/api/serve.ts";
import { table } from "../../cloud/api/table.ts";
import type { MethodFixture } from "./fixture.ts";
import { asJson, members, toRequest } from "./request.ts";
import type { Parameters } from "./signing.ts";
import { makeWorld, sessions } from "./world.ts";

/**
 * The examples of the OpenAPI document are calls that were made: what a client sends for each method, signed, and what it is
 * answered. They stand in cloud/api/examples.json; UPDATE_EXAMPLES=1 writes it anew.
 */

const file = new URL("../../cloud/api/examples.json", import.meta.url);
const methods = new URL("./methods/", import.meta.url);

test("the examples are what the interface is sent and answers", { timeout: 120_000 }, async () => {
  const examples: Record<string, unknown> = {};
  for (const { name } of table) examples[name] = await exampleOf(name);
  const text = `${JSON.stringify(examples, undefined, 2)}\n`;
  if (process.env.UPDATE_EXAMPLES === "1") await writeFile(file, text);
  expect(await readFile(file, "utf8")).toBe(text);
  expect(readdirSync(methods)).toHaveLength(table.length);
});

/** Amounts may be texts, so that their zeros stay; most clients send numbers. */
const plain = (own: Parameters): Parameters =>
  Object.fromEntries(
    Object.entries(own).map(([name, value]) => [
      name,
      /^\d{1,3}\.\d\d$/.test(String(value)) ? Number(value) : value,
    ]),
  );

async function exampleOf(name: string): Promise<{ call: unknown; answer: unknown }> {
  const { default: fixture } = (await import(new URL(`${name}.ts`, methods).href)) as {
    default: MethodFixture;
  };
  const { side, auth } = fixture;
  const session = { open: undefined, login: sessions[side].fresh, session: sessions[side].mine }[auth];
  const call = members(side, { ...(session !== undefined && { session }), ...plain(fixture.own) });
  const world = await makeWorld("session");
  try {
    await fixture.given?.(world);
    const answer = await createApi(world.cloud, table).request(toRequest(asJson(side, name, call)));
    const body = (await answer.json()) as { code: number };
    expect(body, name).toMatchObject({ code: 0 });
    return { call, answer: body };
  } finally {
    await world.close();
  }
}
