/* The few signs on buttons; each button says in words what it does. */

import { svg } from "./dom.js";

const SIGNS = {
  play: ["M5 3v12l10-6z"],
  pause: ["M4 3h3.6v12H4z", "M10.4 3H14v12h-3.6z"],
  back: ["M11.5 3v12l-8-6z", "M13 3h2v12h-2z"],
  forward: ["M6.5 3v12l8-6z", "M3 3h2v12H3z"],
  first: ["M3 3h2v12H3z", "M10.5 3v12L5.2 9z", "M16 3v12l-5.3-6z"],
  last: ["M13 3h2v12h-2z", "M7.5 3v12l5.3-6z", "M2 3v12l5.3-6z"],
  copy: ["M6 2h9v10h-2v-8H6z", "M3 5h9v11H3zM4.6 6.6v7.8h5.8V6.6z"],
  down: ["M8 2h2v7h3.5L9 13.5 4.5 9H8z", "M3 14.5h12v1.8H3z"],
};

/** One of them, in the colour of the text. */
export function icon(name) {
  return svg("svg", { viewBox: "0 0 18 18", width: 16, height: 16, "aria-hidden": "true" }, SIGNS[name].map((d) => svg("path", { d, fill: "currentColor", "fill-rule": "evenodd" })));
}
