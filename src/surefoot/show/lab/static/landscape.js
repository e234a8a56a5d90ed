/* The landscape of a study's model, where `surefoot landscape STUDY` has drawn it.

   fillLandscape(place, "/api/studies/digits", "digits", view.landscape);
*/

import { get } from "./api.js";
import { h } from "./dom.js";
import { cell, code, plural, quoted, table } from "./parts.js";
import { number, settings } from "./words.js";

/** Fills a place with what the landscape says, or with the command that makes one; once for each of both. */
export async function fillLandscape(place, path, name, exists) {
  if (!place || place.holds === exists) return;
  place.holds = exists;
  if (!exists) return place.replaceChildren(...missing(name));
  place.replaceChildren(h("p", { class: "loading" }, "Opening the landscape …"));
  try {
    place.replaceChildren(...told(await get(`${path}/landscape.json`)));
  } catch (error) {
    place.replaceChildren(h("p", { class: "error" }, error.message));
  }
}

function told(document) {
  const [first, second] = document.explained;
  return [
    h("p", null, `${plural(document.paths.length, "path")} from one start, on the plane that shows most of all of them: its two axes hold ${percent(first + second)} of the squared distance that was gone. ${document.control.paths.length ? `A random walk of as many steps has ${percent(sum(document.control.explained))} on its own plane: a smooth curve alone says nothing.` : ""}`),
    ...document.notes.map((note) => h("p", { class: "banner" }, note)),
    pathTable(document),
    h("p", { class: "quiet" }, `Loss: ${document.loss}. Where the loss on the plane is far from the true one, the picture shows a valley that the path never saw.`),
  ];
}

function pathTable({ paths, control }) {
  const columns = ["on the plane", "random walk", "true loss, start", "at the end", "on the plane there", "off the plane"].map((text) => ({ text, numeric: true }));
  const rows = paths.map((path, i) => [
    String(i), "",
    [
      cell("name", `${path.optimizer} ${settings(path)}`, path.status === "completed" ? "" : h("span", { class: "quiet" }, ` ${path.status}`)),
      percent(path.share), percent(control.paths[i]?.share), number(path.loss[0]), number(path.loss.at(-1)), number(path.plane_loss.at(-1)), number(path.off.at(-1)),
    ],
  ]);
  return table("The paths on the plane, and what the plane hides", [{ text: "path" }, ...columns], rows, "paths");
}

function percent(share) {
  return share === null || share === undefined ? "–" : `${number(100 * share)} %`;
}

function sum(shares) {
  return (shares[0] ?? 0) + (shares[1] ?? 0);
}

function missing(name) {
  return [
    h("p", null, "Nobody has drawn it yet. This command takes the finalists’ snapshots, or trains them again from one start, and draws their paths on one plane through the parameters, with a random walk beside them as a control:"),
    code(`surefoot landscape ${quoted(name)}`, "the command that draws the landscape"),
  ];
}
