import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { docsPage } from "./docs.ts";
import { glossary } from "./glossary.ts";
import { openApiDocument } from "./openapi.ts";
import { table } from "./table.ts";

const root = resolve(import.meta.dirname, "../..");
const file = join(root, "docs/openapi.json");
const document = openApiDocument(table);

interface Schema {
  description?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  anyOf?: Schema[];
}
type Example = Record<string, string | number>;
const md5 = (text: string): string => createHash("md5").update(text).digest("base64");

describe("the OpenAPI document", () => {
  test("docs/openapi.json is what the table gives; UPDATE_OPENAPI=1 writes it", async () => {
    const text = `${JSON.stringify(document, undefined, 2)}\n`;
    if (process.env.UPDATE_OPENAPI === "1") await writeFile(file, text);
    expect(await readFile(file, "utf8")).toBe(text);
  });

  test("is sound to an independent checker", { timeout: 120_000 }, async () => {
    const redocly = join(root, "node_modules/.bin/redocly");
    const env = { ...process.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" };
    const { stderr } = await promisify(execFile)(redocly, ["lint", file], { env, cwd: root });
    expect(stderr).toContain("Your API description is valid");
    // Among its warnings are examples that do not fit their schema.
    expect(stderr).not.toMatch(/You have \d+ warning/);
  });

  test("says of each parameter what is allowed and whether it is required", () => {
    const post = document.paths["/oapi/bluepower_user/1_0/newPowerOrder"]?.post;
    const schema = document.components.schemas.newPowerOrderCall;
    expect(schema?.properties.port).toMatchObject({ type: "integer", minimum: 1, maximum: 4 });
    expect(schema?.properties.unitPrice).toMatchObject({ type: "number", maximum: 999.99 });
    expect(schema?.required).toEqual(expect.arrayContaining(["appId", "signature", "session", "deviceCode"]));
    expect(schema?.required).not.toContain("plateNo");
    expect(post?.["x-reasons"].PORT_BUSY).toEqual({ code: 6, message: "端口已被占用" });
  });

  test("says what every parameter and every member of an answer means", () => {
    const silent: string[] = [];
    const look = (at: string, schema: Schema): void => {
      for (const [name, of] of Object.entries(schema.properties ?? {})) {
        if ((of.description ?? "").length < 4) silent.push(`${at}.${name}`);
        look(`${at}.${name}`, of);
      }
      for (const of of [schema.items, ...(schema.anyOf ?? [])]) if (of !== undefined) look(at, of);
    };
    for (const [name, schema] of Object.entries(document.components.schemas)) look(name, schema as Schema);
    for (const { post } of Object.values(document.paths)) {
      expect(post.description.length, post.operationId).toBeGreaterThan(60);
      look(post.operationId, post.responses["200"].content["application/json"].schema as unknown as Schema);
    }
    expect(silent).toEqual([]);
    expect(document.components.schemas.Refusal?.description).toContain("SESSION (4)");
  });

  test("has a name in the glossary for nothing that is not there", () => {
    const text = JSON.stringify(document);
    expect(Object.keys(glossary).filter((name) => !text.includes(`"${name}":{`))).toEqual([]);
  });

  test("its signature can be worked out from what it says", () => {
    const said = String(document.info.description);
    const [, text = "", signature] =
      /printf %s '(.+)' \| openssl md5 -binary \| base64\n(\S+)\n/.exec(said) ?? [];
    expect(text).toContain("deviceCode");
    expect(md5(text)).toBe(signature);
  });

  test("every example is signed with the jam code that it names", () => {
    const [, user = "", manager = ""] =
      /signed with the jam code (\w+), those of managers with (\w+)\./.exec(
        String(document.info.description),
      ) ?? [];
    for (const { post } of Object.values(document.paths)) {
      const { signature, ...signed } = (post.requestBody.content["application/json"]?.example ??
        {}) as Example;
      const names = Object.keys(signed).toSorted();
      const text = names.map((name) => `${name}${signed[name]}`).join("");
      expect(md5(text + (post.tags[0] === "user" ? user : manager)), post.operationId).toBe(signature);
    }
  });

  test("shows the refusal of each reason as it is answered", () => {
    const post = document.paths["/oapi/bluepower_user/1_0/newPowerOrder"]?.post;
    const cancel = document.paths["/oapi/bluepower_user/1_0/cancelPowerOrder"]?.post;
    const examples = (of: typeof post) => of?.responses["200"].content["application/json"].examples ?? {};
    expect(examples(post).PORT_BUSY?.value).toEqual({
      ...{ code: 6, message: "端口已被占用", reason: "PORT_BUSY", data: [] },
    });
    expect(examples(cancel).CANCEL_LIMIT?.value).toMatchObject({
      ...{ code: 0, reason: "CANCEL_LIMIT", data: [{ result: 1, reason: "今日取消次数已达上限" }] },
    });
    for (const of of Object.values(document.paths)) {
      const reasons = Object.keys(of.post["x-reasons"]).filter((r) => r !== "TRUNCATED");
      expect(Object.keys(examples(of.post))).toEqual(["done", ...reasons, "SESSION"]);
    }
  });

  test("names every method of the table once", () => {
    expect(Object.keys(document.paths)).toHaveLength(table.length);
    expect(new Set(table.map((e) => e.name)).size).toBe(table.length);
  });
});

describe("the page", () => {
  test("shows every method, loads nothing and runs nothing", () => {
    const page = String(docsPage(document));
    for (const { name } of table) expect(page).toContain(`<h2>${name}</h2>`);
    // With what stands behind a reference, and the rows of a page.
    expect(page).toContain("<code>abstractList[].orderId</code>");
    expect(page).toContain("openssl md5 -binary");
    expect(page).not.toMatch(/<script|<img|<link|src=|@import|url\(/i);
  });

  test("what stands in the document is text and no markup", () => {
    const hostile = structuredClone(document);
    const post = hostile.paths["/oapi/bluepower_user/1_0/userLogin"]?.post;
    if (post !== undefined) post.summary = "<script>alert(1)</script>";
    expect(String(docsPage(hostile))).not.toContain("<script>");
  });
});
