/* What lies below the paths: the shaded surface with its contour lines and axes, and the page's colours.

   const context = prepared(canvas);                       // as sharp as the screen is
   const plane = planeOf(canvas, surface);                 // plane.pixel(x, y), plane.point(px, py)
   context.drawImage(ground(canvas, surface, contours, plane, readTheme()), 0, 0, …); */

import { rounded } from "./format.js";

const SCENE = { left: 38, right: 12, top: 10, bottom: 24 };
const BEYOND = 1e5; // pixels: further points would overflow the canvas's arithmetic
const NAMES = ["page", "card", "ink", "soft", "grid", "line", "accent", "warn", "floor", "slope", "height"];
const SERIES = ["blue", "vermillion", "green", "purple", "orange", "sky", "black"];

/** The page's colours as they are now, light or dark. */
export function readTheme(element = document.documentElement) {
  const style = getComputedStyle(element);
  const theme = Object.fromEntries([...NAMES, ...SERIES].map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  theme.font = `12px ${style.getPropertyValue("--sans").trim() || "sans-serif"}`;
  theme.key = Object.values(theme).join();
  return theme;
}

/** From the plane of a surface to pixels of a canvas and back. */
export function planeOf(canvas, surface) {
  const width = canvas.clientWidth - SCENE.left - SCENE.right;
  const height = canvas.clientHeight - SCENE.top - SCENE.bottom;
  const [[x0, x1], [y0, y1]] = [surface.x, surface.y];
  return {
    left: SCENE.left, top: SCENE.top, width, height,
    pixel: (x, y) => [kept(SCENE.left + ((x - x0) / (x1 - x0)) * width), kept(SCENE.top + ((y1 - y) / (y1 - y0)) * height)],
    point: (px, py) => [x0 + ((px - SCENE.left) / width) * (x1 - x0), y1 - ((py - SCENE.top) / height) * (y1 - y0)],
    across: width / (x1 - x0), down: height / (y1 - y0),
  };
}

export function prepared(canvas) {
  const ratio = Math.min(devicePixelRatio || 1, 3);
  const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
  context.globalAlpha = 1;
  context.lineCap = "round";
  context.lineJoin = "round";
  return context;
}

/* What does not move is drawn once and kept until its size, its colours or the surface change. */
const grounds = new WeakMap();

export function ground(canvas, surface, contours, plane, theme) {
  const key = [canvas.width, canvas.height, theme.key, surface.x, surface.y].join();
  const known = grounds.get(contours);
  if (known?.key === key) return known.picture;
  const picture = document.createElement("canvas");
  Object.assign(picture, { width: canvas.width, height: canvas.height });
  const context = picture.getContext("2d");
  const ratio = canvas.width / canvas.clientWidth;
  context.scale(ratio, ratio);
  context.font = theme.font;
  const size = contours.shade.size;
  context.imageSmoothingQuality = "high";
  context.drawImage(shades(contours.shade, theme), 0.5, 0.5, size - 1, size - 1, plane.left, plane.top, plane.width, plane.height);
  context.save();
  context.beginPath();
  context.rect(plane.left, plane.top, plane.width, plane.height);
  context.clip();
  context.strokeStyle = theme.ink;
  context.lineWidth = 0.8;
  contours.levels.forEach((level) => {
    context.globalAlpha = 0.2;
    context.beginPath();
    for (const points of level.lines) {
      for (let i = 0; i < points.length; i += 2) context[i ? "lineTo" : "moveTo"](...plane.pixel(points[i], points[i + 1]));
    }
    context.stroke();
  });
  context.restore();
  sceneAxes(context, surface, plane, theme);
  grounds.set(contours, { key, picture });
  return picture;
}

function shades({ size, values }, theme) {
  const ramp = [theme.floor, theme.slope, theme.height].map(rgb);
  const none = rgb(theme.grid);
  const picture = document.createElement("canvas");
  picture.width = picture.height = size;
  const context = picture.getContext("2d");
  const image = context.createImageData(size, size);
  values.forEach((value, i) => {
    const at = 4 * ((size - 1 - Math.floor(i / size)) * size + (i % size));
    const place = Math.min(1, Math.max(0, value ?? 0)) * 2;
    const [from, to, part] = place < 1 ? [ramp[0], ramp[1], place] : [ramp[1], ramp[2], place - 1];
    for (let k = 0; k < 3; k++) image.data[at + k] = value === null ? none[k] : from[k] + (to[k] - from[k]) * part;
    image.data[at + 3] = 255;
  });
  context.putImageData(image, 0, 0);
  return picture;
}

function rgb(colour) {
  return [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
}

function kept(pixel) {
  return Number.isFinite(pixel) ? Math.min(BEYOND, Math.max(-BEYOND, pixel)) : BEYOND;
}

function sceneAxes(context, surface, plane, theme) {
  context.globalAlpha = 1;
  context.strokeStyle = theme.line;
  context.lineWidth = 1;
  context.strokeRect(plane.left, plane.top, plane.width, plane.height);
  context.fillStyle = theme.soft;
  context.textAlign = "center";
  context.textBaseline = "top";
  for (const x of ticks(...surface.x, plane.width / 60)) context.fillText(tickText(x), plane.pixel(x, 0)[0], plane.top + plane.height + 7);
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const y of ticks(...surface.y, plane.height / 55)) context.fillText(tickText(y), plane.left - 7, plane.pixel(0, y)[1]);
}

export function ticks(low, high, most) {
  const rough = (high - low) / Math.max(2, most);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.8);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i <= Math.floor(high / step + 1e-9); i++) found.push(i * step);
  return found;
}

export function tickText(value) {
  return rounded(value, 6);
}
