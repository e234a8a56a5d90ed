/* The Optimizers room: a gallery of all of them, and the card of one. */

import { get } from "./api.js";
import { h } from "./dom.js";
import { showOptimizer } from "./optimizer.js";
import { loading } from "./parts.js";
import { patch } from "./patch.js";
import { link, replaceQuery } from "./router.js";
import { swatch } from "./swatch.js";

const TRAITS = {
  sparse: { label: "takes sparse gradients", holds: (card) => /^sparse gradients/.test(card.takes) },
  stateless: { label: "keeps no state", holds: (card) => /^(none|0 bytes)/.test(card.state_bytes_per_parameter) },
  matrices: { label: "matrices only", holds: (card) => card.matrices_only },
  closure: { label: "needs a closure", holds: (card) => card.needs_closure },
};

/** Shows the gallery, or the card that the path names. */
export async function show(root, { parts, query }) {
  if (parts.length) return showOptimizer(root, parts.join("/"), query);
  return showGallery(root, query);
}

async function showGallery(root, query) {
  const cards = await loading(root, allCards());
  const asked = new Set((query.get("is") ?? "").split(",").filter((name) => name in TRAITS));
  const gallery = h("div", { class: "found" });
  const search = h("input", { type: "search", id: "find-optimizer", value: query.get("q") ?? "", autocomplete: "off", spellcheck: "false", oninput: draw });
  const boxes = Object.entries(TRAITS).map(([name, { label }]) => {
    const box = h("input", { type: "checkbox", checked: asked.has(name), onchange: () => (asked[box.checked ? "add" : "delete"](name), draw()) });
    return h("label", { class: "check" }, box, label);
  });

  function draw() {
    keep("q", search.value.trim());
    keep("is", [...asked].join(","));
    replaceQuery(query);
    patch(gallery, h("div", { class: "found" }, tiles(cards, search.value, asked)));
  }
  function keep(name, value) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  root.append(
    h("h1", { tabindex: "-1" }, "Optimizers"),
    h("p", { class: "quiet" }, "Each is one file of mathematics. Its card has the equation, the settings, what it is good at, and its paths on a surface."),
    h("div", { class: "field find" }, h("label", { for: "find-optimizer" }, "Find by name or words"), search),
    h("fieldset", { class: "field" }, h("legend", null, "Only those that"), h("div", { class: "row traits" }, boxes)),
    gallery,
  );
  draw();
}

/* The list alone does not say what an optimizer keeps and takes. */
async function allCards() {
  const { optimizers } = await get("/api/optimizers");
  return Promise.all(optimizers.map(({ name }) => get(`/api/optimizers/${encodeURIComponent(name)}`)));
}

function tiles(cards, text, asked) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = cards.filter(
    (card) => words.every((word) => `${card.name} ${card.summary} ${card.good_at}`.toLowerCase().includes(word)) && [...asked].every((name) => TRAITS[name].holds(card)),
  );
  const count = found.length === cards.length ? `${cards.length} optimizers` : `${found.length} of ${cards.length} optimizers`;
  return [
    h("p", { class: "quiet", role: "status" }, count),
    h("ul", { class: "tiles" }, found.map(tile)),
    found.length ? null : h("p", null, "None is all of this. Take a filter away."),
  ];
}

function tile(card) {
  return h(
    "li",
    { class: "card tile", dataset: { key: card.name } },
    h("h2", null, link(`/optimizers/${encodeURIComponent(card.name)}`, card.name), swatch(card.stroke)),
    h("p", null, card.summary),
    h("p", { class: "quiet" }, `State: ${stateOf(card)}`),
  );
}

/** What it keeps per parameter, in words. */
function stateOf({ state_bytes_per_parameter: bytes }) {
  return /^none/.test(bytes) ? "none" : `${bytes}`;
}
