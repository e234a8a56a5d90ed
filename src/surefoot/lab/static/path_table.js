/* The optimizers in numbers: what the picture shows, for whoever reads rather than looks. */

import { clear, h } from "./dom.js";
import { heightAbove, indexAt, stateAt } from "./animation.js";
import { number } from "./format.js";
import { swatch } from "./swatch.js";
import { settings } from "./words.js";

/** The table; `renew()` for another animation, `tell(frame)` for another moment. */
export function pathTable(lab) {
  const body = h("tbody");
  const node = h(
    "table",
    { class: "paths" },
    h("caption", { class: "unseen" }, "Every path at the gradient evaluation that is shown"),
    h("thead", null, h("tr", null, h("th", { scope: "col" }, "Optimizer"), h("th", { scope: "col", class: "n" }, "Value"), h("th", { scope: "col", class: "n" }, "Above floor"), h("th", { scope: "col" }, "State"))),
    body,
  );
  let rows = [];

  function renew() {
    const focused = rows.findIndex((row) => row.node.contains(document.activeElement));
    clear(body);
    rows = lab.animation.paths.map(rowOf);
    body.append(...rows.flatMap((row) => [row.node, row.why]));
    rows[focused]?.button.focus();
    select();
  }

  function rowOf(path, i) {
    const [value, height, state] = [h("td", { class: "n" }), h("td", { class: "n" }), h("td", { class: "state" })];
    const button = h("button", { type: "button", class: "name", title: "Look into its steps" }, swatch(lab.animation.strokes[i]), h("span", null, path.optimizer));
    const node = h("tr", { class: "path", onclick: () => lab.select(i) }, h("th", { scope: "row" }, button, h("span", { class: "quiet settings-told" }, settings(path), path.lifted ? " as a 2×2 matrix" : "")), value, height, state);
    const reason = h("td", { colspan: 4 });
    const why = h("tr", { class: "why", hidden: true, onclick: () => lab.select(i) }, reason);
    return { node, why, button, value, height, state, reason };
  }

  function select() {
    rows.forEach((row, i) => {
      row.node.classList.toggle("selected", i === lab.state.selected);
      row.button.setAttribute("aria-pressed", String(i === lab.state.selected));
    });
  }

  function tell(frame) {
    rows.forEach((row, i) => {
      const path = lab.animation.paths[i];
      const value = path.values[indexAt(path, frame)];
      put(row.value, number(value));
      put(row.height, number(heightAbove(lab.animation, value)));
      const state = stateAt(lab.animation, path, frame);
      put(row.state, state);
      row.why.hidden = /^(moving|settled)$/.test(state);
      put(row.reason, path.end.replace(/^\w+: /, ""));
    });
  }
  return { node: h("div", { class: "scroll" }, node), renew, select, tell };
}

function put(cell, text) {
  if (cell.textContent !== text) cell.textContent = text;
}
