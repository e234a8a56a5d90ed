/* The step inspector: what one optimizer got and did at the step that is shown, in numbers and as two arrows. */

import { post } from "./api.js";
import { clear, h } from "./dom.js";
import { number } from "./format.js";
import { debounced, superseding } from "./requests.js";
import { indexAt } from "./animation.js";
import { pathNames } from "./words.js";

const QUIET = 90; // milliseconds without another step before the lab is asked

/** The panel; `look(frame)` shows the selected optimizer's step there, `show(seen)` is told for the arrows. */
export function inspector(lab, show) {
  const title = h("h2", { id: "inspector-title" }, "Step inspector");
  const content = h("div");
  const node = h("section", { class: "inspector", "aria-labelledby": title.id }, title, content);
  const ask = superseding((signal, body) => post("/api/inspect", body, { signal }));
  const later = debounced(load);
  let wanted = null;

  function look(frame, playing) {
    const path = lab.animation?.paths[lab.state.selected];
    if (!path) return hint("Choose an optimizer in the table to see what gradient it gets, what it remembers and how far it goes.");
    const last = path.evaluations.length - 2;
    if (last < 0) return hint(`${path.optimizer} made no step.`);
    wanted = { path, step: Math.min(indexAt(path, frame), last), last };
    if (playing) {
      show(null);
      ask.stop();
      later.stop();
      content.classList.add("stale");
      if (!content.childElementCount || content.dataset.kind === "hint") hint("Pause to look into a step.");
      return;
    }
    later(QUIET);
  }

  function hint(text) {
    wanted = null;
    ask.stop();
    later.stop();
    show(null);
    title.textContent = "Step inspector";
    content.dataset.kind = "hint";
    content.classList.remove("stale");
    clear(content).append(h("p", { class: "quiet" }, text));
  }

  async function load() {
    if (!wanted) return;
    const { path, step, last } = wanted;
    const { surface, start, steps, noise, seed } = lab.animation;
    // With the settings that it was drawn with, nothing needs to be tuned again.
    const alone = { surface: surface.formula === surface.name ? surface.formula : surface.name, optimizers: [{ optimizer: path.optimizer, hyperparameters: path.hyperparameters }], x: surface.x, y: surface.y, start, steps, noise, seed };
    try {
      const seen = await ask({ recipe: alone, path: 0, step });
      if (!seen || wanted?.path !== path) return;
      title.textContent = `${pathNames(lab.animation.paths)[lab.animation.paths.indexOf(path)]}, step ${step + 1} of ${last + 1}`;
      content.dataset.kind = "step";
      content.classList.remove("stale");
      clear(content).append(...tables(seen));
      show(seen);
    } catch (error) {
      hint(error.message);
    }
  }
  return { node, look, stop: () => (ask.stop(), later.stop()) };
}

/* A count of steps has no decimals. */
function count(value) {
  return Number.isInteger(value) ? String(value) : number(value);
}

function tables(seen) {
  const pair = (name, values, note) => h("tr", null, h("th", { scope: "row" }, name, note && h("span", { class: "quiet" }, ` ${note}`)), ...(values ?? [null, null]).map((value) => h("td", { class: "n" }, number(value))));
  const one = (name, value, told = number) => h("tr", null, h("th", { scope: "row" }, name), h("td", { class: "n", colspan: 2 }, told(value)));
  const state = Object.entries(seen.state).map(([name, value]) => (Array.isArray(value) ? pair(h("code", null, name), value) : one(h("code", null, name), value, count)));
  return [
    h(
      "table",
      null,
      h("thead", null, h("tr", null, h("td"), h("th", { scope: "col", class: "n" }, "x"), h("th", { scope: "col", class: "n" }, "y"))),
      h("tbody", null, pair("point", seen.point), one("value", seen.value), pair("gradient", seen.gradient, "as it got it"), pair("update", seen.update), pair("effective lr", seen.effective_lr, "update ÷ −gradient"), pair("next point", seen.next)),
      state.length && h("tbody", null, h("tr", null, h("th", { colspan: 3, scope: "rowgroup", class: "group" }, "What it remembers after the step")), state),
    ),
    h("p", { class: "quiet" }, `${seen.lifted ? "It sees the point as a 2×2 matrix; what it keeps is shown in x and y. " : ""}Arrows in the picture show directions: dashed −gradient, solid update.`),
  ];
}
