/* Learning-rate strips: how each optimizer does at every learning rate, and which one it uses. */

import { clear, h, svg } from "./dom.js";
import { rounded, setting, share } from "./format.js";
import { SHAPES } from "./marks.js";
import { pathNames, width as working } from "./words.js";

const WIDE = 260;
const TALL = 74;
const FOOT = 16;
const ROOM = 10; // times what works and what is in use, to both sides

/** The section; `renew()` for another animation. */
export function stripPanel(lab) {
  const button = h("button", { type: "button", onclick: () => lab.change({ view: "strips" }, 0) }, "Show learning-rate strips");
  const panels = h("div", { class: "panels strips" });
  const node = h("section", { "aria-labelledby": "strips-title" }, h("h2", { id: "strips-title" }, "How much the learning rate matters"), h("p", { class: "quiet" }, "High is good: progress on the way to the floor at each of 25 learning rates, from this start and seven near it. The marker is the rate in use, the bar what works about as well; a cross diverged."), button, panels);

  function renew() {
    const { animation } = lab;
    const measured = animation.paths.some((path) => path.strip);
    button.hidden = measured;
    clear(panels);
    if (!measured) return;
    const names = pathNames(animation.paths);
    const range = shownRates(animation.paths);
    panels.append(...animation.paths.map((path, i) => panel(path, animation.strokes[i], names[i], range)));
  }
  function busy(now) {
    button.disabled = now && lab.state.view === "strips";
    button.textContent = button.disabled ? "Measuring 25 learning rates for each …" : "Show learning-rate strips";
  }
  return { node, renew, busy };
}

function panel(path, stroke, name, range) {
  const { strip } = path;
  const words = strip ? working(strip) : "has no learning rate to tune";
  return h("figure", null, h("figcaption", null, h("b", null, name), ` ${words}`), strip && picture(path, strip, stroke, range));
}

function picture({ hyperparameters }, strip, stroke, [low, high]) {
  const across = (rate) => (WIDE * Math.log(rate / low)) / Math.log(high / low);
  const down = (score) => TALL - 6 - (TALL - 14) * (1 - score);
  const shown = strip.rates.map((rate, i) => [across(rate), down(strip.scores[i])]);
  const points = shown.map((point) => point.map((part) => part.toFixed(1)).join(",")).join(" ");
  const used = hyperparameters[strip.setting];
  const best = strip.scores[strip.rates.indexOf(strip.best)];
  const label = `Progress against ${strip.setting}: ${working(strip)}; best ${rounded(strip.best)} with ${share(1 - best)} of the way; in use ${setting(used)}`;
  return svg(
    "svg",
    { class: `strip colour-${stroke.colour}`, viewBox: `0 0 ${WIDE} ${TALL + FOOT}`, role: "img", "aria-label": label },
    powers(low, high).map((rate) => [
      svg("line", { class: "tick", x1: across(rate), x2: across(rate), y1: 4, y2: TALL - 6 }),
      svg("text", { x: across(rate), y: TALL + FOOT - 4, "text-anchor": "middle" }, rounded(rate)),
    ]),
    svg("polygon", { class: "area", points: `${shown[0][0].toFixed(1)},${TALL - 6} ${points} ${shown.at(-1)[0].toFixed(1)},${TALL - 6}` }),
    svg("polyline", { class: "curve", points }),
    svg("line", { class: "works", x1: across(strip.low), x2: across(strip.high), y1: TALL - 6, y2: TALL - 6 }),
    strip.rates.map((rate, i) => strip.diverged[i] && svg("path", { class: "cross", d: `M${across(rate) - 3} ${TALL - 13}l6 6m-6 0l6 -6` })),
    used > 0 && [svg("line", { class: "used", x1: across(used), x2: across(used), y1: between(strip, used, down), y2: TALL - 6 }), mark(stroke, across(used), between(strip, used, down))],
  );
}

function mark(stroke, x, y) {
  const shape = SHAPES[stroke.marker];
  if (!shape) return svg("circle", { class: "spot", cx: x, cy: y, r: 5 });
  return svg("polygon", { class: "spot", points: shape.map(([a, b]) => `${(x + 5 * a).toFixed(1)},${(y + 5 * b).toFixed(1)}`).join(" ") });
}

/* On the line through the scores over the logarithm of the rate. */
function between({ rates, scores }, rate, down) {
  const next = rates.findIndex((each) => each >= rate);
  if (next <= 0) return down(scores[next === 0 ? 0 : scores.length - 1]);
  const part = Math.log(rate / rates[next - 1]) / Math.log(rates[next] / rates[next - 1]);
  return down(scores[next - 1] + part * (scores[next] - scores[next - 1]));
}

/* The same for all, so that widths compare. */
function shownRates(paths) {
  const found = paths.filter((path) => path.strip).flatMap(({ strip, hyperparameters }) => [strip.low, strip.high, hyperparameters[strip.setting] ?? strip.best]).filter((rate) => rate > 0);
  return [Math.min(...found) / ROOM, Math.max(...found) * ROOM];
}

function powers(low, high) {
  const [first, last] = [Math.ceil(Math.log10(low)), Math.floor(Math.log10(high))];
  const every = Math.ceil((last - first + 1) / 6);
  return Array.from({ length: Math.floor((last - first) / every) + 1 }, (_, i) => 10 ** (first + i * every));
}
