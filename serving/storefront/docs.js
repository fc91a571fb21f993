// Renders /openapi.json: each endpoint, what it takes and what it answers.

import { get } from "./api.js";
import { element } from "./dom.js";

const page = document.getElementById("main");
const api = await get("/openapi.json");

for (const [tag, operations] of byTag()) {
  page.append(element("section", {}, element("h2", {}, tag), ...operations.map(endpoint)));
}
page.setAttribute("aria-busy", "false");

function byTag() {
  const tags = new Map();
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const [tag] = operation.tags;
      if (!tags.has(tag)) tags.set(tag, []);
      tags.get(tag).push({ path, method, ...operation });
    }
  }
  return tags;
}

function endpoint({ path, method, summary, description, parameters = [], requestBody, responses }) {
  return element(
    "details",
    { class: "endpoint" },
    element("summary", {}, element("b", { class: method }, method.toUpperCase()), element("code", {}, path),
      element("span", { class: "line" }, summary)),
    element("p", {}, description ?? ""),
    ...table("Parameters", parameters.map((p) => [p.name, p.schema, p.description ?? `in the ${p.in}`, p.required])),
    ...fields("Body", requestBody?.content["application/json"].schema),
    ...Object.entries(responses).flatMap(([status, answer]) => [
      element("h3", {}, element("code", {}, status), ` ${answer.description}`),
      ...fields("", answer.content?.["application/json"]?.schema),
    ]),
  );
}

function fields(heading, schema) {
  const named = schema && resolved(schema);
  if (!named?.properties) return [];
  const required = new Set(named.required);
  const rows = Object.entries(named.properties).map(([name, field]) => [name, field, field.description ?? "", required.has(name)]);
  return [...table(heading, rows), ...Object.values(named.properties).flatMap(nested)];
}

// The fields of objects within, each under the object's name.
function nested(field) {
  return [field, field.items, ...(field.anyOf ?? [])]
    .filter((inner) => inner?.$ref)
    .flatMap((inner) => fields(nameOf(inner.$ref), inner));
}

function table(heading, rows) {
  if (!rows.length) return [];
  const lines = rows.map(([name, schema, about, required]) =>
    element("tr", {}, element("th", { scope: "row" }, element("code", {}, name)),
      element("td", {}, element("code", {}, typeOf(schema)), required ? " required" : ""), element("td", {}, about)));
  return [...(heading ? [element("h3", {}, heading)] : []), element("table", {}, element("tbody", {}, ...lines))];
}

function typeOf(schema) {
  if (schema.$ref) return nameOf(schema.$ref);
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" | ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.type === "array") return `${typeOf(schema.items)}[]`;
  return schema.type ?? "any";
}

function nameOf(reference) {
  return reference.split("/").at(-1);
}

function resolved(schema) {
  return schema.$ref ? api.components.schemas[nameOf(schema.$ref)] : schema;
}
