/* The landscape of a study's model, where `surefoot landscape STUDY` has drawn it.

   section.append(landscape("/api/studies/digits", "digits"));   // fills itself
*/

import { ApiError, get } from "./api.js";
import { h } from "./dom.js";
import { code, quoted } from "./parts.js";

/** A place that fills itself once: the pictures of the landscape, or the command that makes them. */
export function landscape(path, name) {
  const place = h("div", { class: "landscape", dataset: { keep: "", key: "landscape-pictures" } }, h("p", { class: "loading" }, "Looking for it …"));
  get(`${path}/landscape.json`).then(
    (document) => place.replaceChildren(...told(path, document)),
    (error) => place.replaceChildren(...missing(name, error)),
  );
  return place;
}

function told() {
  return [];
}

function missing(name, error) {
  if (!(error instanceof ApiError) || error.status !== 404) return [h("p", { class: "quiet" }, error.message)];
  return [
    h("p", null, "Nobody has drawn it yet. This command trains the finalists again from one start, and draws their paths on one plane through the parameters, with a random walk beside them as a control:"),
    code(`surefoot landscape ${quoted(name)}`, "the command that draws the landscape"),
  ];
}
