/* An optimizer's card: equation, settings, strengths, cost, paper, and its animation.

   return showOptimizer(root, "Adam", query);   // gives the cleanup
*/

import { get } from "./api.js";
import { h } from "./dom.js";
import { setting } from "./format.js";
import { cardAnimation } from "./optimizer_animation.js";
import { cell, code, loading, table } from "./parts.js";
import { link } from "./router.js";
import { swatch } from "./swatch.js";

const PAPERS = /^https:\/\/(?:dx\.)?(?:doi\.org|arxiv\.org)\/[\w./():;-]+$/;

/** Shows a card; throws where there is none of this name. */
export async function showOptimizer(root, name, query) {
  const card = await loading(root, get(`/api/optimizers/${encodeURIComponent(name)}`));
  document.title = `${card.name} – Surefoot lab`;
  const animation = cardAnimation(card, query);
  root.append(
    h("p", { class: "quiet crumbs" }, link("/optimizers", "Optimizers"), " › ", card.name),
    h("h1", { tabindex: "-1", class: "row" }, card.name, swatch(card.stroke)),
    h("p", { class: "headline" }, card.summary),
    h("h2", { class: "unseen" }, "The update"),
    h("pre", { class: "equation", tabindex: "0", role: "region", "aria-label": `The update of ${card.name}` }, card.equation.replace(/^\n+|\s+$/g, "")),
    h("div", { class: "two optimizer" }, h("div", null, h("h2", null, "In short"), remarks(card)), animation.node),
    h("h2", null, "Settings"),
    settingsTable(card),
    h("h2", null, "Use it"),
    h(
      "div",
      { class: "two" },
      h("div", null, h("h3", null, "In Python"), code(snippet(card), "the Python snippet")),
      h("div", null, h("h3", null, "On the command line"), code(`surefoot explain ${card.name}\nsurefoot choose digits --optimizers ${[...new Set([card.name, "Adam", "SGD"])].join(",")} --budget 1m`, "the commands")),
    ),
  );
  animation.begin();
  return () => animation.end();
}

function remarks(card) {
  const rows = [
    ["Step", card.family],
    ["Good at", card.good_at],
    ["Bad at", card.bad_at],
    ["Takes", card.takes],
    ...(card.state.length ? [["Keeps", card.state.join(", ")]] : []),
    ["Per parameter", card.state_bytes_per_parameter],
    ["Paper", withLinks(card.paper)],
  ];
  return h("dl", { class: "remarks" }, rows.map(([term, text]) => [h("dt", null, term), h("dd", null, text)]));
}

/** Text in which addresses of papers, and no others, are links. */
function withLinks(text) {
  return text.split(/(https:\/\/[^\s,;]+)/).map((part) => (PAPERS.test(part) ? h("a", { href: part, rel: "noopener noreferrer" }, part.replace("https://", "")) : part));
}

function settingsTable({ name, hyperparameters }) {
  const columns = [{ text: "setting" }, { text: "default" }, { text: "meaning" }, { text: "usual" }];
  const rows = hyperparameters.map((each) => [each.name, "", [h("code", null, each.name), cell("value", h("code", null, setting(each.default))), each.meaning, each.usual || "–"]]);
  return table(`Settings of ${name}`, columns, rows, "settings-table");
}

function snippet(card) {
  const lr = card.lr === null ? "" : `, lr=${setting(card.lr)}`;
  const given = card.matrices_only ? "matrices" : "model.parameters()";
  const chosen = card.matrices_only ? ["matrices = [p for p in model.parameters() if p.ndim == 2]"] : [];
  const lines = ["from surefoot import optim", "", ...chosen, `optimizer = optim.${card.name}(${given}${lr})`];
  if (!card.needs_closure) return [...lines, "", "loss = model(batch)", "loss.backward()", "optimizer.step()", "optimizer.zero_grad()"].join("\n");
  return [...lines, "", "def closure():", "    optimizer.zero_grad()", "    loss = model(batch)", "    loss.backward()", "    return loss", "", "optimizer.step(closure)"].join("\n");
}
