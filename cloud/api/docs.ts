import { html } from "hono/html";
import { sections } from "./introduction.ts";
import type { CallSchema, Json, OpenApiDocument, Operation } from "./openapi.ts";

type Schema = Record<string, Json>;

const SIDES = { user: "Users", manager: "Managers" } as const;

/** The document of the interfaces for reading, made on the server: no script, nothing from elsewhere. */
export function docsPage(document: OpenApiDocument) {
  const methods = Object.entries(document.paths).map(([path, { post }]) => ({ path, post }));
  const sides = Object.entries(SIDES).map(([side, title]) => ({
    title,
    methods: methods.filter(({ post }) => post.tags.includes(side)),
  }));
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>BluePower: interfaces</title>
<style>${STYLE}</style>
</head>
<body>
<nav aria-label="Methods">
<p><a href="#top">Introduction</a></p>
${sides.map(
  (side) => html`<p>${side.title}</p>
<ul>${side.methods.map(({ post }) => html`<li><a href="#${post.operationId}">${post.operationId}</a></li>`)}</ul>`,
)}
</nav>
<main id="top">
<h1>BluePower: interfaces</h1>
<p>The same as OpenAPI: <a href="/openapi.json">openapi.json</a></p>
${sections.map(
  ({ title, parts }) => html`<h2>${title}</h2>
${parts.map((part) => ("code" in part ? html`<pre>${part.code}</pre>` : html`<p>${part.text}</p>`))}`,
)}
${methods.map(({ path, post }) => method(document, path, post))}
</main>
</body>
</html>`;
}

function method(document: OpenApiDocument, path: string, post: Operation) {
  const call = document.components.schemas[`${post.operationId}Call`] as CallSchema | undefined;
  const { properties = {}, required = [] } = call ?? {};
  const body = post.requestBody.content["application/json"];
  const { schema, examples } = post.responses["200"].content["application/json"];
  const data = (schema.anyOf[0].properties as Record<string, Schema>).data ?? {};
  const members = membersOf(document, data);
  const { done, ...refusals } = examples;
  const reasons = Object.entries(post["x-reasons"]).map(
    ([reason, { code, message }]) =>
      html`<tr><td><code>${reason}</code></td><td>${code}</td><td lang="zh-CN">${message}</td></tr>`,
  );
  return html`<section id="${post.operationId}">
<h2>${post.operationId}</h2>
<p>${post.summary} ${post.description}</p>
<p><code>POST ${path}</code></p>
<h3>Parameters</h3>
${rowsOf(Object.entries(properties).map(([name, of]) => ({ name, of, note: required.includes(name) ? "required" : "" })))}
<h3>Answer</h3>
<p>${data.type === "array" ? "data is a list of objects:" : "data is a page:"}</p>
${rowsOf(members)}
${
  reasons.length === 0
    ? ""
    : html`<h3>Reasons</h3>
<table><thead><tr><th scope="col">Reason</th><th scope="col">Code</th><th scope="col">Message</th></tr></thead><tbody>${reasons}</tbody></table>`
}
<details><summary>Examples</summary>
<h3>A call</h3><pre>${pretty(body?.example ?? null)}</pre>
<h3>Carried out</h3><pre>${pretty(done?.value ?? null)}</pre>
${Object.entries(refusals).map(([reason, { value }]) => html`<h3>${reason}</h3><pre>${JSON.stringify(value)}</pre>`)}
</details>
</section>`;
}

const pretty = (value: Json): string => JSON.stringify(value, undefined, 2);

interface Member {
  name: string;
  of: Schema;
  note: string;
}

const rowsOf = (members: readonly Member[]) =>
  html`<table><thead><tr><th scope="col">Name</th><th scope="col">Type</th><th scope="col">Meaning</th></tr></thead><tbody>${members.map(
    ({ name, of, note }) =>
      html`<tr><td><code>${name}</code>${note === "" ? "" : html` <small>${note}</small>`}</td><td>${typeOf(of)}</td><td>${String(of.description ?? "")}</td></tr>`,
  )}</tbody></table>`;

/** Type and limits in a few words. */
function typeOf(schema: Schema): string {
  const { type, minimum, maximum, pattern, minLength, maxLength } = schema;
  const kinds = Array.isArray(schema.anyOf) ? schema.anyOf.map((s) => (s as Schema).type) : [type ?? "any"];
  const choice = Array.isArray(schema.enum) ? `one of ${schema.enum.join(", ")}` : undefined;
  const range = minimum === undefined || maximum === undefined ? undefined : spanOf(minimum, maximum);
  const length = maxLength === undefined ? undefined : `${minLength ?? 0}–${maxLength} characters`;
  const form = pattern === undefined ? undefined : String(pattern);
  return [kinds.join(" or "), choice, range, length, form].filter((part) => part !== undefined).join(", ");
}

/** What no call comes near to is no limit to read about. */
function spanOf(minimum: Json, maximum: Json): string | undefined {
  const unbounded = Math.abs(Number(maximum)) >= 999_999_999;
  if (!unbounded) return `${minimum}–${maximum}`;
  return Number(minimum) < -1 ? undefined : `from ${minimum}`;
}

/** Members of the object that a list holds, or of the page, with those of its rows. */
function membersOf(document: OpenApiDocument, data: Schema): Member[] {
  const properties = (resolved(document, (data.items ?? data) as Schema).properties ?? {}) as Record<
    string,
    Schema
  >;
  return Object.entries(properties).flatMap(([name, of]) => {
    const rows = of.items === undefined ? {} : resolved(document, of.items as Schema).properties;
    const inner = Object.entries((rows ?? {}) as Record<string, Schema>);
    return [{ name, of, note: "" }, ...inner.map(([n, s]) => ({ name: `${name}[].${n}`, of: s, note: "" }))];
  });
}

function resolved(document: OpenApiDocument, schema: Schema): Schema {
  const name = typeof schema.$ref === "string" ? schema.$ref.split("/").at(-1) : undefined;
  return name === undefined ? schema : (document.components.schemas[name] ?? {});
}

const STYLE = `
:root { color-scheme: light }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; color: #1a1a1a; background: #fff; display: grid; grid-template-columns: 15rem minmax(0, 60rem) }
nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; padding: 1rem; box-sizing: border-box; border-right: 1px solid #ddd; font-size: .875rem }
nav ul { list-style: none; padding: 0; margin: 0 0 1rem }
nav p { font-weight: 600; margin: 0 0 .25rem }
main { padding: 1rem 2rem 4rem }
a { color: #0a58ca }
code, pre { font-family: ui-monospace, monospace; font-size: .875em }
pre { background: #f4f4f4; padding: .75rem; white-space: pre-wrap; overflow-wrap: anywhere }
section { border-top: 1px solid #ccc; margin-top: 2.5rem; scroll-margin-top: 1rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #e4e4e4; vertical-align: top; overflow-wrap: anywhere }
td:first-child { min-width: 10rem }
small { color: #8a3b00 }
h3 { font-size: 1rem; margin: 1.25rem 0 .25rem }
summary { cursor: pointer; margin-top: 1rem; font-weight: 600 }
@media (max-width: 50rem) {
  body { display: block }
  nav { position: static; height: auto; border: 0; border-bottom: 1px solid #ddd }
  nav ul { columns: 2 }
  main { padding: 1rem }
  thead { display: none }
  tr { display: block; border-bottom: 1px solid #e4e4e4; padding: .25rem 0 }
  td { display: block; border: 0; padding: 0 }
  td:nth-child(2) { font-size: .875rem; color: #555 }
}
`;
