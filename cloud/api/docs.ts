import { html } from "hono/html";
import type { CallSchema, Json, OpenApiDocument, Operation } from "./openapi.ts";

type Schema = Record<string, Json>;

/** The document of the interfaces for reading, made on the server: no script, nothing from elsewhere. */
export function docsPage(document: OpenApiDocument) {
  const methods = Object.entries(document.paths).map(([path, { post }]) => ({ path, post }));
  const listed = methods.map(
    ({ post }) => html`<li><a href="#${post.operationId}">${post.operationId}</a></li>`,
  );
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>BluePower: interfaces</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; color: #1a1a1a; background: #fff }
code, pre { font-family: ui-monospace, monospace; font-size: .9em }
pre { background: #f4f4f4; padding: .75rem; overflow-x: auto; white-space: pre-wrap }
section { border-top: 1px solid #ccc; margin-top: 2rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .25rem .5rem; border-bottom: 1px solid #ddd; vertical-align: top }
nav ul { columns: 3 12rem; padding-left: 1.2rem }
</style>
</head>
<body>
<main>
<h1>BluePower: interfaces</h1>
<pre>${String(document.info.description)}</pre>
<p>The same as OpenAPI: <a href="/openapi.json">openapi.json</a></p>
<nav aria-label="Methods"><ul>${listed}</ul></nav>
${methods.map(({ path, post }) => method(path, post, document.components.schemas[`${post.operationId}Call`]))}
</main>
</body>
</html>`;
}

function method(path: string, post: Operation, call: CallSchema | undefined) {
  const { properties = {}, required = [] } = call ?? {};
  const parameters = Object.entries(properties).map(([name, schema]) =>
    row(name, schema, required.includes(name) ? "required" : "optional"),
  );
  const members = Object.entries(answered(post)).map(([name, schema]) => row(name, schema));
  const refusals = Object.entries(post["x-reasons"]).map(
    ([reason, { code, message }]) =>
      html`<tr><td><code>${reason}</code></td><td>${code}</td><td lang="zh-CN">${message}</td></tr>`,
  );
  return html`<section id="${post.operationId}">
<h2>${post.operationId}</h2>
<p>${post.summary} ${post.description}</p>
<p><code>POST ${path}</code></p>
<h3>Parameters</h3>
<table><thead><tr><th scope="col">Name</th><th scope="col">What</th><th scope="col"></th></tr></thead><tbody>${parameters}</tbody></table>
<h3>Data</h3>
<table><thead><tr><th scope="col">Name</th><th scope="col">What</th></tr></thead><tbody>${members}</tbody></table>
${refusals.length === 0 ? "" : html`<h3>Reasons</h3><table><thead><tr><th scope="col">Reason</th><th scope="col">Code</th><th scope="col">Message</th></tr></thead><tbody>${refusals}</tbody></table>`}
</section>`;
}

function row(name: string, schema: Schema, more?: string) {
  return html`<tr><td><code>${name}</code></td><td>${said(schema)}</td>${more === undefined ? "" : html`<td>${more}</td>`}</tr>`;
}

/** Type, limits and description in a few words. */
function said(schema: Schema): string {
  const { type, description, minimum, maximum, pattern, minLength, maxLength } = schema;
  const choice = Array.isArray(schema.enum) ? `one of ${schema.enum.join(", ")}` : undefined;
  const range =
    minimum === undefined && maximum === undefined ? undefined : `${minimum ?? ""}–${maximum ?? ""}`;
  const length = maxLength === undefined ? undefined : `${minLength ?? 0}–${maxLength} characters`;
  const form = pattern === undefined ? undefined : `form ${String(pattern)}`;
  return [type ?? "any", choice, range, length, form, description]
    .filter((part) => part !== undefined)
    .join(", ");
}

/** Members of the object that a list holds, or of the object itself. */
function answered(post: Operation): Record<string, Schema> {
  const ok = post.responses["200"] as { content?: Record<string, { schema?: { anyOf?: Schema[] } }> };
  const properties = ok.content?.["application/json"]?.schema?.anyOf?.[0]?.properties as
    | { data?: Schema }
    | undefined;
  const data = properties?.data ?? {};
  const item = (data.items ?? data) as { properties?: Record<string, Schema> };
  return item.properties ?? {};
}
