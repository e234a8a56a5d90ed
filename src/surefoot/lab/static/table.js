/* The racers in numbers: what the picture shows, for whoever reads rather than looks. */

import { clear, h } from "./dom.js";
import { number } from "./format.js";
import { heightAbove, indexAt, stateAt } from "./race.js";
import { swatch } from "./swatch.js";
import { settings } from "./words.js";

/** The table; `renew()` for another race, `tell(frame)` for another moment. */
export function racerTable(lab) {
  const body = h("tbody");
  const node = h(
    "table",
    { class: "racing" },
    h("caption", { class: "unseen" }, "Every racer at the gradient evaluation that is shown"),
    h("thead", null, h("tr", null, h("th", { scope: "col" }, "Racer"), h("th", { scope: "col", class: "n" }, "Value"), h("th", { scope: "col", class: "n" }, "Above floor"), h("th", { scope: "col" }, "State"))),
    body,
  );
  let rows = [];

  function renew() {
    const focused = rows.findIndex((row) => row.node.contains(document.activeElement));
    clear(body);
    rows = lab.race.racers.map(rowOf);
    body.append(...rows.flatMap((row) => [row.node, row.why]));
    rows[focused]?.button.focus();
    select();
  }

  function rowOf(racer, i) {
    const [value, height, state] = [h("td", { class: "n" }), h("td", { class: "n" }), h("td", { class: "state" })];
    const button = h("button", { type: "button", class: "name", title: "Look into its steps" }, swatch(lab.race.strokes[i]), h("span", null, racer.optimizer));
    const node = h("tr", { class: "racer", onclick: () => lab.select(i) }, h("th", { scope: "row" }, button, h("span", { class: "quiet settings-told" }, settings(racer), racer.lifted ? " as a 2×2 matrix" : "")), value, height, state);
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
      const racer = lab.race.racers[i];
      const value = racer.values[indexAt(racer, frame)];
      put(row.value, number(value));
      put(row.height, number(heightAbove(lab.race, value)));
      const state = stateAt(lab.race, racer, frame);
      put(row.state, state);
      row.why.hidden = /^(moving|settled)$/.test(state);
      put(row.reason, racer.end.replace(/^\w+: /, ""));
    });
  }
  return { node: h("div", { class: "scroll" }, node), renew, select, tell };
}

function put(cell, text) {
  if (cell.textContent !== text) cell.textContent = text;
}
