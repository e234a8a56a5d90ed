/* An optimizer's stroke as a small picture beside its name: line, dash and marker in its colour. */

import { svg } from "./dom.js";
import { SHAPES } from "./marks.js";

/** An SVG of 34 by 14 pixels. */
export function swatch(stroke) {
  const shape = SHAPES[stroke.marker];
  const points = shape?.map(([x, y]) => `${(17 + 4.4 * x).toFixed(2)},${(7 + 4.4 * y).toFixed(2)}`).join(" ");
  return svg(
    "svg",
    { class: `swatch colour-${stroke.colour}`, viewBox: "0 0 34 14", width: 34, height: 14, "aria-hidden": "true" },
    svg("line", { x1: 1, y1: 7, x2: 33, y2: 7, stroke: "currentColor", "stroke-width": 2.2, "stroke-dasharray": stroke.dash.length ? stroke.dash.map((length) => 2.2 * length).join(" ") : null }),
    shape ? svg("polygon", { points, fill: "currentColor" }) : svg("circle", { cx: 17, cy: 7, r: 4.4, fill: "currentColor" }),
  );
}
