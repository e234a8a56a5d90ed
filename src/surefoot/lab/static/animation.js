/* Draws an animation on two canvases; an exported page holds this file and the three that it stands on.

   drawScene(canvas, animation, contours, frame, { selected: 0 });    // the surface with everybody's path
   drawLosses(canvas, animation, frame, { selected: 0 });             // heights above the floor, on the same clock

   A frame is a number of gradient evaluations.  `animation` is an animation's JSON with `strokes`, one for each path;
   colours come from the page's custom properties. */

import { ground, planeOf, prepared, readTheme, tickText, ticks } from "./ground.js";
import { arrows, cross, label, line, marker, saddle, star, startMark } from "./marks.js";

const CHART = { left: 46, right: 12, top: 10, bottom: 24 };
const LOWEST = 1e-12; // heights below are drawn there: their logarithm says nothing more

/** Where an optimizer is at a frame: the index of its last point, and whether it has ended there. */
export function indexAt(path, frame) {
  const at = path.evaluations;
  let low = 0;
  let high = at.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (at[middle] <= frame) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The last frame of an animation: all that any optimizer was given. */
export function lastFrame(animation) {
  return animation.steps;
}

/** "moving", "settled", or at its end "diverged after 14"; at a frame. */
export function stateAt(animation, path, frame) {
  const index = indexAt(path, frame);
  const last = path.evaluations.length - 1;
  if (index === last && path.end) return `${path.end.split(":")[0]} after ${path.evaluations[last]}`;
  const back = Math.max(0, indexAt(path, frame - Math.max(10, animation.steps / 10)));
  if (index === 0 || back === index) return "moving";
  const size = Math.max(animation.surface.x[1] - animation.surface.x[0], animation.surface.y[1] - animation.surface.y[0]);
  let reach = 0;
  for (let i = back; i < index; i++) reach = Math.max(reach, Math.hypot(path.x[i] - path.x[index], path.y[i] - path.y[index]));
  return reach < 1e-3 * size ? "settled" : "moving";
}

/** The height above the floor, as it is told: zero for who went below what is known of the surface. */
export function heightAbove(animation, value) {
  return value === null || value === undefined ? null : Math.max(0, value - animation.surface.floor);
}

/** The frame at a place across the chart of losses. */
export function frameAt(canvas, animation, px) {
  const width = canvas.clientWidth - CHART.left - CHART.right;
  return Math.round(Math.min(1, Math.max(0, (px - CHART.left) / width)) * lastFrame(animation));
}

/** Draws the surface, and every optimizer's path up to a frame.

    options: theme; selected: an optimizer's index; arrows: {point, gradient, update} of a step; start: where a start that is being dragged is. */
export function drawScene(canvas, animation, contours, frame, options = {}) {
  const theme = options.theme ?? readTheme();
  const surface = animation.surface;
  const context = prepared(canvas);
  const plane = planeOf(canvas, surface);
  if (plane.width < 10 || plane.height < 10) return;
  context.font = theme.font;
  context.drawImage(ground(canvas, surface, contours, plane, theme), 0, 0, canvas.clientWidth, canvas.clientHeight);
  const order = animation.paths.map((_, i) => i).sort((a, b) => (a === options.selected) - (b === options.selected));
  context.save();
  context.beginPath();
  context.rect(plane.left, plane.top, plane.width, plane.height);
  context.clip();
  for (const [x, y] of surface.saddles) saddle(context, ...plane.pixel(x, y), theme);
  for (const [x, y] of surface.minima) star(context, ...plane.pixel(x, y), theme);
  for (const i of order) trail(context, animation, i, frame, plane, theme, i === options.selected);
  context.restore();
  startMark(context, ...plane.pixel(...(options.start ?? animation.start)), theme);
  const taken = animation.paths.map((path) => boxAround(...onEdge(plane, spotAt(path, frame))));
  if (options.arrows) arrows(context, options.arrows, plane, theme, taken);
  for (const i of order) head(context, animation, i, frame, plane, theme, i === options.selected, taken);
}

/** Draws heights above the floor against gradient evaluations; what is yet to come is faint. */
export function drawLosses(canvas, animation, frame, options = {}) {
  const theme = options.theme ?? readTheme();
  const context = prepared(canvas);
  context.font = theme.font;
  const [width, height] = [canvas.clientWidth - CHART.left - CHART.right, canvas.clientHeight - CHART.top - CHART.bottom];
  if (width < 10 || height < 10) return;
  const [low, high] = decades(animation);
  const last = lastFrame(animation);
  const across = (evaluation) => CHART.left + (evaluation / last) * width;
  const down = (value) => {
    const logarithm = Math.log10(Math.max(value - animation.surface.floor, LOWEST));
    return CHART.top + ((high - Math.min(Math.max(logarithm, low), high)) / (high - low)) * height;
  };
  chartAxes(context, { low, high, last, width, height, across }, theme);
  animation.paths.forEach((path, i) => {
    const until = indexAt(path, frame);
    for (const [end, strong] of [[path.evaluations.length - 1, false], [until, true]]) {
      context.beginPath();
      for (let k = 0; k <= end && path.values[k] !== null; k++) context.lineTo(across(path.evaluations[k]), down(path.values[k]));
      line(context, animation.strokes[i], theme, i === options.selected ? 2.4 : 1.7, strong ? 1 : 0.25);
    }
    let shown = until;
    while (shown > 0 && path.values[shown] === null) shown -= 1;
    const spot = [across(path.evaluations[shown]), path.values[until] === null ? CHART.top : down(path.values[shown])];
    if (path.end.startsWith("diverged") && until === path.evaluations.length - 1) cross(context, ...spot, animation.strokes[i], theme);
    else marker(context, ...spot, animation.strokes[i], theme, 4);
  });
  context.fillStyle = theme.ink;
  context.globalAlpha = 0.55;
  context.fillRect(across(frame) - 0.5, CHART.top, 1, height);
  context.globalAlpha = 1;
}

function decades(animation) {
  const heights = animation.paths.flatMap((path) => path.values.filter((value) => value !== null).map((value) => value - animation.surface.floor));
  const first = Math.max(...animation.paths.map((path) => (path.values[0] ?? animation.surface.floor) - animation.surface.floor), LOWEST);
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
function spotAt(path, frame) {
  let index = indexAt(path, frame);
  while (index > 0 && (path.x[index] === null || path.y[index] === null)) index -= 1;
  const next = index + 1;
  const part = frame - path.evaluations[index];
  const slides = part > 0 && part < 1 && path.evaluations[next] - path.evaluations[index] === 1 && path.x[next] !== null && path.y[next] !== null;
  const mixed = (values) => (slides ? values[index] + (values[next] - values[index]) * part : values[index]);
  return { index, x: mixed(path.x), y: mixed(path.y) };
}

function trail(context, animation, i, frame, plane, theme, selected) {
  const path = animation.paths[i];
  const spot = spotAt(path, frame);
  context.beginPath();
  for (let k = 0; k <= spot.index; k++) context.lineTo(...plane.pixel(path.x[k], path.y[k]));
  context.lineTo(...plane.pixel(spot.x, spot.y));
  context.setLineDash([]);
  context.strokeStyle = theme.page;
  context.lineWidth = selected ? 5 : 4;
  context.globalAlpha = 0.8;
  context.stroke();
  line(context, animation.strokes[i], theme, selected ? 2.8 : 2);
}

/* Who has left the picture is shown where its edge is nearest. */
function onEdge(plane, spot) {
  const [x, y] = plane.pixel(spot.x, spot.y);
  return [Math.min(Math.max(x, plane.left), plane.left + plane.width), Math.min(Math.max(y, plane.top), plane.top + plane.height)];
}

function boxAround(x, y) {
  return [x - 7, y - 7, x + 7, y + 7];
}

function head(context, animation, i, frame, plane, theme, selected, taken) {
  const path = animation.paths[i];
  const spot = spotAt(path, frame);
  const ended = path.end !== "" && indexAt(path, frame) === path.evaluations.length - 1;
  const [px, py] = plane.pixel(spot.x, spot.y);
  const [x, y] = onEdge(plane, spot);
  if (ended && path.end.startsWith("diverged")) cross(context, x, y, animation.strokes[i], theme);
  else marker(context, x, y, animation.strokes[i], theme, selected ? 6.5 : 5);
  const outside = Math.abs(px - x) + Math.abs(py - y) > 1;
  const after = ended ? `${path.end.split(":")[0]} after ${path.evaluations.at(-1)}` : outside ? "outside" : "";
  label(context, [path.name ?? path.optimizer, after].filter(Boolean).join(" "), x, y, plane, theme, taken, theme[animation.strokes[i].colour], path);
}
