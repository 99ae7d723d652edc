// The API as openapi.json describes it, with a box to call it: no library, no other host.
const byId = (id) => document.getElementById(id);

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const nameOf = (reference) => reference.split("/").pop();

function describe(schema) {
  if (schema.$ref) return nameOf(schema.$ref);
  if (schema.anyOf) return schema.anyOf.map(describe).join(" or ");
  if (schema.type === "array") return `list of ${describe(schema.items)}`;
  return [schema.type ?? "anything"].flat().join(" or ");
}

function bounds(schema) {
  if (schema.enum) return schema.enum.map((level) => JSON.stringify(level)).join(", ");
  if (schema.minimum !== undefined) return `${schema.minimum} to ${schema.maximum}`;
  return schema.minItems ? `at least ${schema.minItems}` : "";
}

function table(name, schema) {
  const rows = Object.entries(schema.properties ?? {}).map(([field, property]) => element("tr", {},
    element("td", {}, element("code", { textContent: field })),
    element("td", { textContent: describe(property) }),
    element("td", { className: "wrap", textContent: bounds(property) }),
    element("td", { className: "wrap", textContent: property.description ?? "" })));
  const head = ["Field", "Type", "Allowed", ""].map((text) => element("th", { scope: "col", textContent: text }));
  const scroll = element("div", { className: "scroll", tabIndex: 0, role: "region" },
    element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows)));
  scroll.setAttribute("aria-label", name);
  const parts = [element("h3", { id: name, textContent: name })];
  if (schema.description) parts.push(element("p", { className: "soft", textContent: schema.description }));
  return element("div", {}, ...parts, ...(rows.length ? [scroll] : []));
}

function operation(path, method, described) {
  const body = described.requestBody?.content["application/json"];
  const box = element("textarea", { value: JSON.stringify(body?.example ?? {}, null, 2), rows: 10, spellcheck: false });
  box.setAttribute("aria-label", `Body for ${path}`);
  const output = element("pre", { hidden: true, tabIndex: 0 });
  output.setAttribute("aria-label", `Answer of ${path}`);
  output.setAttribute("aria-live", "polite");
  const button = element("button", { type: "button", className: "quiet", textContent: `${method.toUpperCase()} ${path}` });
  button.addEventListener("click", () => call(path, method, body ? box.value : undefined, output));
  const answers = Object.entries(described.responses).map(([status, answer]) => {
    const schema = answer.content?.["application/json"]?.schema?.$ref;
    return element("li", {}, element("b", { textContent: status }), ` ${answer.description}`,
      ...(schema ? [" · ", element("a", { href: `#${nameOf(schema)}`, textContent: nameOf(schema) })] : []));
  });
  return element("section", { className: "card" },
    element("h2", {}, element("code", { textContent: `${method.toUpperCase()} ${path}` })),
    element("p", { className: "soft", textContent: described.summary }),
    ...(body ? [box] : []), button, output, element("ul", { className: "limits" }, ...answers));
}

async function call(path, method, body, output) {
  output.hidden = false;
  output.textContent = "…";
  try {
    const response = await fetch(path.slice(1), { method: method.toUpperCase(), body });
    const text = await response.text();
    const json = response.headers.get("content-type")?.includes("json");
    output.textContent = `${response.status}\n${json ? JSON.stringify(JSON.parse(text), null, 2) : text}`;
  } catch {
    output.textContent = "The service did not answer.";
  }
}

async function show() {
  try {
    const specification = await (await fetch("openapi.json")).json();
    byId("title").textContent = specification.info.title;
    document.title = specification.info.title;
    const operations = Object.entries(specification.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, described]) => operation(path, method, described)));
    byId("operations").replaceChildren(...operations);
    const schemas = Object.entries(specification.components.schemas);
    byId("schemas").replaceChildren(...schemas.map(([name, schema]) => table(name, schema)));
    byId("state").hidden = true;
  } catch {
    byId("state").textContent = "The service does not answer.";
  }
}
show();
