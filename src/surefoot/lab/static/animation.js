/* Draws a race on two canvases; an exported page holds this file and the three that it stands on.

   drawScene(canvas, race, contours, frame, { selected: 0 });    // the surface with everybody's path
   drawLosses(canvas, race, frame, { selected: 0 });             // heights above the floor, on the same clock

   A frame is a number of gradient evaluations.  `race` is a race's JSON with `strokes`, one for each racer;
   colours come from the page's custom properties. */

import { ground, planeOf, prepared, readTheme, tickText, ticks } from "./ground.js";
import { arrows, cross, label, line, marker, saddle, star, startMark } from "./marks.js";

const CHART = { left: 46, right: 12, top: 10, bottom: 24 };
const LOWEST = 1e-12; // heights below are drawn there: their logarithm says nothing more

/** Where a racer is at a frame: the index of its last point, and whether it has ended there. */
export function indexAt(racer, frame) {
  const at = racer.evaluations;
  let low = 0;
  let high = at.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (at[middle] <= frame) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The last frame of a race: all that any racer was given. */
export function lastFrame(race) {
  return race.steps;
}

/** "moving", "settled", or at its end "diverged after 14"; at a frame. */
export function stateAt(race, racer, frame) {
  const index = indexAt(racer, frame);
  const last = racer.evaluations.length - 1;
  if (index === last && racer.end) return `${racer.end.split(":")[0]} after ${racer.evaluations[last]}`;
  const back = Math.max(0, indexAt(racer, frame - Math.max(10, race.steps / 10)));
  if (index === 0 || back === index) return "moving";
  const size = Math.max(race.surface.x[1] - race.surface.x[0], race.surface.y[1] - race.surface.y[0]);
  let reach = 0;
  for (let i = back; i < index; i++) reach = Math.max(reach, Math.hypot(racer.x[i] - racer.x[index], racer.y[i] - racer.y[index]));
  return reach < 1e-3 * size ? "settled" : "moving";
}

/** The height above the floor, as it is told: zero for who went below what is known of the surface. */
export function heightAbove(race, value) {
  return value === null || value === undefined ? null : Math.max(0, value - race.surface.floor);
}

/** The frame at a place across the chart of losses. */
export function frameAt(canvas, race, px) {
  const width = canvas.clientWidth - CHART.left - CHART.right;
  return Math.round(Math.min(1, Math.max(0, (px - CHART.left) / width)) * lastFrame(race));
}

/** Draws the surface, and every racer's path up to a frame.

    options: theme; selected: a racer's index; arrows: {point, gradient, update} of a step; start: where a start that is being dragged is. */
export function drawScene(canvas, race, contours, frame, options = {}) {
  const theme = options.theme ?? readTheme();
  const surface = race.surface;
  const context = prepared(canvas);
  const plane = planeOf(canvas, surface);
  if (plane.width < 10 || plane.height < 10) return;
  context.font = theme.font;
  context.drawImage(ground(canvas, surface, contours, plane, theme), 0, 0, canvas.clientWidth, canvas.clientHeight);
  const order = race.racers.map((_, i) => i).sort((a, b) => (a === options.selected) - (b === options.selected));
  context.save();
  context.beginPath();
  context.rect(plane.left, plane.top, plane.width, plane.height);
  context.clip();
  for (const [x, y] of surface.saddles) saddle(context, ...plane.pixel(x, y), theme);
  for (const [x, y] of surface.minima) star(context, ...plane.pixel(x, y), theme);
  for (const i of order) trail(context, race, i, frame, plane, theme, i === options.selected);
  context.restore();
  startMark(context, ...plane.pixel(...(options.start ?? race.start)), theme);
  const taken = race.racers.map((racer) => boxAround(...onEdge(plane, spotAt(racer, frame))));
  if (options.arrows) arrows(context, options.arrows, plane, theme, taken);
  for (const i of order) head(context, race, i, frame, plane, theme, i === options.selected, taken);
}

/** Draws heights above the floor against gradient evaluations; what is yet to come is faint. */
export function drawLosses(canvas, race, frame, options = {}) {
  const theme = options.theme ?? readTheme();
  const context = prepared(canvas);
  context.font = theme.font;
  const [width, height] = [canvas.clientWidth - CHART.left - CHART.right, canvas.clientHeight - CHART.top - CHART.bottom];
  if (width < 10 || height < 10) return;
  const [low, high] = decades(race);
  const last = lastFrame(race);
  const across = (evaluation) => CHART.left + (evaluation / last) * width;
  const down = (value) => {
    const logarithm = Math.log10(Math.max(value - race.surface.floor, LOWEST));
    return CHART.top + ((high - Math.min(Math.max(logarithm, low), high)) / (high - low)) * height;
  };
  chartAxes(context, { low, high, last, width, height, across }, theme);
  race.racers.forEach((racer, i) => {
    const until = indexAt(racer, frame);
    for (const [end, strong] of [[racer.evaluations.length - 1, false], [until, true]]) {
      context.beginPath();
      for (let k = 0; k <= end && racer.values[k] !== null; k++) context.lineTo(across(racer.evaluations[k]), down(racer.values[k]));
      line(context, race.strokes[i], theme, i === options.selected ? 2.4 : 1.7, strong ? 1 : 0.25);
    }
    let shown = until;
    while (shown > 0 && racer.values[shown] === null) shown -= 1;
    const spot = [across(racer.evaluations[shown]), racer.values[until] === null ? CHART.top : down(racer.values[shown])];
    if (racer.end.startsWith("diverged") && until === racer.evaluations.length - 1) cross(context, ...spot, race.strokes[i], theme);
    else marker(context, ...spot, race.strokes[i], theme, 4);
  });
  context.fillStyle = theme.ink;
  context.globalAlpha = 0.55;
  context.fillRect(across(frame) - 0.5, CHART.top, 1, height);
  context.globalAlpha = 1;
}

function decades(race) {
  const heights = race.racers.flatMap((racer) => racer.values.filter((value) => value !== null).map((value) => value - race.surface.floor));
  const first = Math.max(...race.racers.map((racer) => (racer.values[0] ?? race.surface.floor) - race.surface.floor), LOWEST);
  const positive = heights.filter((height) => height > 0);
  const low = Math.floor(Math.log10(Math.max(Math.min(...positive, first), LOWEST)));
  const most = Math.min(Math.max(...positive, first), first * 100);
  const high = Math.ceil(Math.log10(most) + 0.02);
  return [Math.min(low, high - 1), high];
}

function chartAxes(context, { low, high, last, width, height, across }, theme) {
  const every = Math.max(1, Math.ceil((high - low) / (height / 26)));
  context.textBaseline = "middle";
  context.textAlign = "right";
  context.lineWidth = 1;
  for (let power = high; power >= low; power -= every) {
    const y = CHART.top + ((high - power) / (high - low)) * height;
    context.fillStyle = theme.grid;
    context.fillRect(CHART.left, Math.round(y), width, 1);
    context.fillStyle = theme.soft;
    context.fillText(power >= -3 && power <= 4 ? tickText(10 ** power) : `1e${power}`, CHART.left - 7, y);
  }
  context.textBaseline = "top";
  context.textAlign = "center";
  for (const evaluation of ticks(0, last, width / 60)) {
    if (Number.isInteger(evaluation)) context.fillText(tickText(evaluation), across(evaluation), CHART.top + height + 7);
  }
}

/* The point at a frame; between two single evaluations it slides along the line that joins them. */
function spotAt(racer, frame) {
  let index = indexAt(racer, frame);
  while (index > 0 && (racer.x[index] === null || racer.y[index] === null)) index -= 1;
  const next = index + 1;
  const part = frame - racer.evaluations[index];
  const slides = part > 0 && part < 1 && racer.evaluations[next] - racer.evaluations[index] === 1 && racer.x[next] !== null && racer.y[next] !== null;
  const mixed = (values) => (slides ? values[index] + (values[next] - values[index]) * part : values[index]);
  return { index, x: mixed(racer.x), y: mixed(racer.y) };
}

function trail(context, race, i, frame, plane, theme, selected) {
  const racer = race.racers[i];
  const spot = spotAt(racer, frame);
  context.beginPath();
  for (let k = 0; k <= spot.index; k++) context.lineTo(...plane.pixel(racer.x[k], racer.y[k]));
  context.lineTo(...plane.pixel(spot.x, spot.y));
  context.setLineDash([]);
  context.strokeStyle = theme.page;
  context.lineWidth = selected ? 5 : 4;
  context.globalAlpha = 0.8;
  context.stroke();
  line(context, race.strokes[i], theme, selected ? 2.8 : 2);
}

/* Who has left the picture is shown where its edge is nearest. */
function onEdge(plane, spot) {
  const [x, y] = plane.pixel(spot.x, spot.y);
  return [Math.min(Math.max(x, plane.left), plane.left + plane.width), Math.min(Math.max(y, plane.top), plane.top + plane.height)];
}

function boxAround(x, y) {
  return [x - 7, y - 7, x + 7, y + 7];
}

function head(context, race, i, frame, plane, theme, selected, taken) {
  const racer = race.racers[i];
  const spot = spotAt(racer, frame);
  const ended = racer.end !== "" && indexAt(racer, frame) === racer.evaluations.length - 1;
  const [px, py] = plane.pixel(spot.x, spot.y);
  const [x, y] = onEdge(plane, spot);
  if (ended && racer.end.startsWith("diverged")) cross(context, x, y, race.strokes[i], theme);
  else marker(context, x, y, race.strokes[i], theme, selected ? 6.5 : 5);
  const outside = Math.abs(px - x) + Math.abs(py - y) > 1;
  const after = ended ? `${racer.end.split(":")[0]} after ${racer.evaluations.at(-1)}` : outside ? "outside" : "";
  label(context, [racer.name ?? racer.optimizer, after].filter(Boolean).join(" "), x, y, plane, theme, taken, theme[race.strokes[i].colour], racer);
}
