import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { docsPage } from "./docs.ts";
import { openApiDocument } from "./openapi.ts";
import { table } from "./table.ts";

const root = resolve(import.meta.dirname, "../..");
const file = join(root, "docs/openapi.json");
const document = openApiDocument(table);

describe("the OpenAPI document", () => {
  test("docs/openapi.json is what the table gives; UPDATE_OPENAPI=1 writes it", async () => {
    const text = `${JSON.stringify(document, undefined, 2)}\n`;
    if (process.env.UPDATE_OPENAPI === "1") await writeFile(file, text);
    expect(await readFile(file, "utf8")).toBe(text);
  });

  test("is sound to an independent checker", async () => {
    const redocly = join(root, "node_modules/.bin/redocly");
    const env = { ...process.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" };
    const { stderr } = await promisify(execFile)(redocly, ["lint", file], { env, cwd: root });
    expect(stderr).toContain("Your API description is valid");
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

  test("has an example of a signature that anybody can work out from it", () => {
    const said = String(document.info.description);
    const [, jam = "", parameters = "{}", signature] =
      /With the jam code\n(\S+) and\n(\{.*\})\nit is (\S+)\n/.exec(said) ?? [];
    const text = Object.entries<string>(JSON.parse(parameters))
      .map(([name, value]) => name + value)
      .join("");
    expect(text).toContain("DEMO0001");
    expect(
      createHash("md5")
        .update(text + jam)
        .digest("base64"),
    ).toBe(signature);
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
    expect(page).not.toMatch(/<script|<img|<link|src=|@import|url\(/i);
  });

  test("what stands in the document is text and no markup", () => {
    const hostile = structuredClone(document);
    const post = hostile.paths["/oapi/bluepower_user/1_0/userLogin"]?.post;
    if (post !== undefined) post.summary = "<script>alert(1)</script>";
    expect(String(docsPage(hostile))).not.toContain("<script>");
  });
});
