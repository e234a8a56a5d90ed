/* The landscape of a study's model, where `surefoot landscape STUDY` has drawn it.

   section.append(landscape(view, "/api/studies/digits"));
*/

import { h } from "./dom.js";
import { cell, code, quoted, table } from "./parts.js";
import { figure } from "./svg.js";

/** What the landscape says, with its figures and numbers; or the command that makes one. */
export function landscape({ name, landscape: found }, path) {
  const kind = { class: "landscape", dataset: { key: found ? "drawn" : "missing" } };
  return h("div", kind, found ? told(found, path) : missing(name));
}

function told(found, path) {
  const columns = [{ text: "path" }, ...found.columns.map((text) => ({ text, numeric: true }))];
  const rows = found.rows.map(([name, ...numbers], i) => [`${i}-${name}`, "", [cell("name", name), ...numbers]]);
  return [
    h("p", null, found.summary),
    found.notes.map((note) => h("p", { class: "banner" }, note)),
    h("div", { class: "panels large" }, found.parts.map((part) => figure(path, part, h("figcaption", null, h("strong", null, `${part.title}. `), part.caption)))),
    table("The paths in numbers: what the plane shows of each, and what it hides", columns, rows, "paths"),
    h("p", { class: "quiet" }, found.method),
    h("p", null, h("a", { class: "button", href: `${path}/landscape.json`, download: "landscape.json" }, "Landscape (JSON)")),
  ];
}

function missing(name) {
  return [
    h("p", null, "Nobody has drawn it yet. This command takes the finalists’ snapshots, or trains them again from one start, and draws their paths on one plane through the parameters, with a random walk beside them as a control:"),
    code(`surefoot landscape ${quoted(name)}`, "the command that draws the landscape"),
  ];
}
