// The page of one service: what GET /model says, and a form that calls POST /predict.
const byId = (id) => document.getElementById(id);
const POLL_MS = 3000;
let shown = null;

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function format(number) {
  if (typeof number !== "number") return "–";
  return Math.abs(number) >= 1000
    ? number.toLocaleString("en", { maximumFractionDigits: 0 })
    : number.toLocaleString("en", { maximumSignificantDigits: 4 });
}

const interval = (metric) =>
  typeof metric.low === "number" ? `${format(metric.low)} to ${format(metric.high)}` : "";

function fact(name, value, code = false) {
  return element("li", {}, `${name} `, element(code ? "code" : "b", { textContent: value }));
}

function showModel(answer) {
  const { card, model, schema } = answer;
  shown = answer;
  document.title = `${schema.title || model.name} · Evergreen`;
  byId("title").textContent = schema.title || model.name;
  byId("description").textContent = card.description || "";
  const facts = [fact("model", model.name), fact("version", model.version ?? "from a folder")];
  facts.push(fact("digest", model.digest.slice(0, 12), true));
  if (card.family) facts.push(fact("family", card.family.replaceAll("_", " ")));
  if (card.source?.synthetic) facts.push(element("li", { className: "synthetic", textContent: "synthetic data" }));
  byId("facts").replaceChildren(...facts);
  showQuality(card);
  byId("fields").replaceChildren(...schema.features.map(field));
  byId("curl").textContent = curl();
  byId("answer-full").hidden = true;
  byId("answer-empty").hidden = false;
  byId("form-error").hidden = true;
}

function showQuality(card) {
  const parts = [];
  if (card.rows) parts.push(`trained on ${format(card.rows.train)} rows, measured on ${format(card.rows.holdout)} others`);
  if (card.source?.label) parts.push(card.source.label);
  byId("rows").textContent = parts.join(" · ");
  const metrics = Object.entries(card.metrics ?? {}).map(([name, metric]) =>
    element("li", {}, element("span", { textContent: name.replaceAll("_", " ") }),
      element("strong", { textContent: format(metric.value) }), element("span", { textContent: interval(metric) })));
  byId("metrics").replaceChildren(...metrics);
  const slices = (card.slices ?? []).map((slice) => element("tr", {},
    element("td", { textContent: `${slice.feature} = ${slice.level}` }),
    element("td", { className: "number", textContent: format(slice.rows) }),
    element("td", { textContent: slice.metric.replaceAll("_", " ") }),
    element("td", { className: "number", textContent: format(slice.value) }),
    element("td", { className: "number", textContent: interval(slice) })));
  byId("slices").replaceChildren(...slices);
  byId("slices-part").hidden = slices.length === 0;
  byId("limits").replaceChildren(...(card.limits ?? []).map((limit) => element("li", { textContent: limit })));
  byId("limits-part").hidden = !card.limits?.length;
}

function field(feature, index) {
  const id = `field-${index}`;
  const levels = feature.kind === "boolean" ? [false, true] : feature.levels;
  const control = levels.length ? select(feature, levels) : number(feature);
  Object.assign(control, { id, name: feature.name });
  control.setAttribute("aria-describedby", `${id}-hint ${id}-error`);
  const hint = [feature.description];
  if (!levels.length) hint.push(`${format(feature.minimum)} to ${format(feature.maximum)}`);
  const box = element("div", { className: "field" },
    element("label", { htmlFor: id, textContent: feature.name }), control,
    element("span", { id: `${id}-hint`, className: "hint", textContent: hint.filter(Boolean).join(" · ") }));
  if (feature.nullable && !levels.length) box.append(unknown(control, feature));
  box.append(element("p", { id: `${id}-error`, className: "error", hidden: true }));
  return box;
}

function select(feature, levels) {
  const values = feature.nullable ? [...levels, null] : levels;
  return element("select", {}, ...values.map((value) => element("option", {
    value: JSON.stringify(value), textContent: value === null ? "not known" : String(value), selected: value === feature.example,
  })));
}

function number(feature) {
  return element("input", {
    type: "number", min: feature.minimum, max: feature.maximum, inputMode: feature.kind === "integer" ? "numeric" : "decimal",
    step: feature.kind === "integer" ? 1 : "any", value: feature.example ?? "", disabled: feature.example === null,
  });
}

function unknown(control, feature) {
  const box = element("input", { type: "checkbox", checked: feature.example === null });
  box.addEventListener("change", () => { control.disabled = box.checked; });
  return element("label", { className: "null" }, box, `${feature.name} is not known`);
}

function row() {
  return Object.fromEntries([...byId("form").querySelectorAll("[name]")].map((control) => {
    if (control.tagName === "SELECT") return [control.name, JSON.parse(control.value)];
    // An empty box is left out, so that the service asks for it; null has to be said with the tick.
    if (control.disabled) return [control.name, null];
    return [control.name, control.value === "" ? undefined : Number(control.value)];
  }));
}

function curl() {
  const body = JSON.stringify(row()).replaceAll("'", "'\\''");
  return `curl -s ${new URL("predict", document.baseURI)} \\\n  -H 'content-type: application/json' \\\n  -d '${body}'`;
}

function showErrors(detail) {
  const entries = Array.isArray(detail) ? detail : [{ loc: ["body"], msg: String(detail) }];
  const left = [];
  for (const entry of entries) {
    const control = [...byId("form").querySelectorAll("[name]")].find((one) => one.name === entry.loc[1]);
    if (!control) { left.push(entry.msg); continue; }
    control.setAttribute("aria-invalid", "true");
    const note = byId(`${control.id}-error`);
    note.textContent = entry.msg;
    note.hidden = false;
  }
  byId("form-error").textContent = left.join("; ");
  byId("form-error").hidden = left.length === 0;
  byId("form").querySelector("[aria-invalid]")?.focus();
}

function clearErrors() {
  for (const control of byId("form").querySelectorAll("[aria-invalid]")) control.removeAttribute("aria-invalid");
  for (const note of byId("form").querySelectorAll(".error")) note.hidden = true;
}

function showAnswer(answer) {
  const output = shown.schema.output;
  const probability = answer.probability;
  const binary = typeof probability === "number";
  byId("figure").textContent = binary ? `${(100 * probability).toFixed(1)} %` : format(answer.prediction);
  byId("figure-label").textContent = binary ? `probability of ${output.name}` : [output.unit, output.name].filter(Boolean).join(" · ");
  byId("bar").hidden = !binary;
  if (binary) {
    byId("bar-fill").setAttribute("width", String(100 * probability));
    byId("bar-mark").setAttribute("x", String(100 * output.threshold - 0.3));
    byId("bar-label").textContent = `class ${answer.prediction}; the mark is the threshold, ${format(output.threshold)}`;
  }
  byId("answer-id").textContent = `version ${answer.model.version ?? "from a folder"} · request ${answer.request_id}`;
  byId("answer-empty").hidden = true;
  byId("answer-full").hidden = false;
}

async function predict(event) {
  event.preventDefault();
  clearErrors();
  byId("submit").disabled = true;
  try {
    const response = await fetch("predict", {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(row()),
    });
    const answer = await response.json();
    if (response.ok) showAnswer(answer);
    else showErrors(answer.detail);
    if (response.ok && answer.model.digest !== shown.model.digest) showState("A newer model answered. Reload to see its card.");
  } catch {
    showErrors("The service did not answer. Is it still running?");
  } finally {
    byId("submit").disabled = false;
  }
}

function showState(text) {
  byId("state").textContent = text;
  byId("state").hidden = !text;
}

async function ask() {
  try {
    const response = await fetch("model");
    if (response.ok) {
      showModel(await response.json());
      byId("content").hidden = false;
      showState("");
      return;
    }
    showState(response.status === 503
      ? "No model yet. The service is running and waits for a release; this page follows by itself."
      : `The service answered ${response.status}.`);
  } catch {
    showState("The service does not answer. This page keeps asking.");
  }
  setTimeout(ask, POLL_MS);
}

byId("form").addEventListener("submit", predict);
byId("form").addEventListener("input", () => { byId("curl").textContent = curl(); });
byId("form").addEventListener("change", () => { byId("curl").textContent = curl(); });
byId("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(byId("curl").textContent);
    byId("copy").textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(byId("curl"));
    byId("copy").textContent = "Selected";
  }
  setTimeout(() => { byId("copy").textContent = "Copy"; }, 1500);
});
ask();
