/* The picture and its clock: two canvases, the start that can be dragged, play, pause, step and scrub.

   const place = stage(lab);  root.append(place.scene, place.losses);  place.renew();  place.draw();
*/

import { h } from "./dom.js";
import { number } from "./format.js";
import { planeOf, readTheme } from "./ground.js";
import { Player } from "./player.js";
import { drawLosses, drawScene, frameAt, lastFrame } from "./animation.js";
import { transport } from "./transport.js";

const SMALL_STEP = 0.01; // of the domain, for an arrow key on the start
const LARGE_STEP = 0.1; // with Shift
const NARROWEST = 0.75; // sides of the picture, width to height
const WIDEST = 1.7;
const TAKES_ARROWS = "input, select, textarea, pre, [contenteditable]";
const TAKES_SPACE = "button, a, summary";

/** `lab`: animation, contours, state, arrows, change, onframe(frame), onstate(playing). */
export function stage(lab) {
  const canvas = h("canvas", { class: "picture", role: "img", "aria-label": "The paths on the surface; the table tells the same in numbers" });
  const handle = h("button", { type: "button", class: "handle", "aria-describedby": "handle-help" });
  const picture = h("div", { class: "frame" }, canvas, handle);
  const chart = h("canvas", { class: "losses", role: "img", "aria-label": "Height above the floor against gradient evaluations; the table tells the same in numbers" });
  const player = new Player({ last: 1, onframe: moved, onstate: changed });
  const bar = transport(player);
  let theme = readTheme();
  let asked = 0;
  let dragged = null;

  function moved(frame) {
    bar.tell(frame, player.last);
    lab.onframe(frame);
    draw();
  }
  function changed(playing) {
    bar.playing(playing);
    lab.onstate(playing);
    draw();
  }
  function draw() {
    asked ||= requestAnimationFrame(() => {
      asked = 0;
      if (!lab.animation || !lab.contours) return;
      const options = { theme, selected: lab.state.selected, arrows: player.playing ? null : lab.arrows, start: dragged ?? lab.animation.start };
      drawScene(canvas, lab.animation, lab.contours, player.frame, options);
      drawLosses(chart, lab.animation, player.frame, options);
      putHandle();
    });
  }
  function putHandle() {
    const [x, y] = dragged ?? lab.animation.start;
    const [left, top] = planeOf(canvas, lab.animation.surface).pixel(x, y);
    handle.style.setProperty("left", `${Math.min(canvas.clientWidth, Math.max(0, left))}px`);
    handle.style.setProperty("top", `${Math.min(canvas.clientHeight, Math.max(0, top))}px`);
    handle.setAttribute("aria-label", `Start at x ${number(x)}, y ${number(y)}`);
  }

  /** A surface before the first paths are known. */
  function preview(animation, contours) {
    setSides(animation.surface);
    drawScene(canvas, animation, contours, 0, { theme });
  }
  function setSides({ x, y }) {
    const sides = (x[1] - x[0]) / (y[1] - y[0]);
    picture.style.setProperty("--sides", String(Math.min(WIDEST, Math.max(NARROWEST, sides))));
  }

  /** The animation is another one: its length, its sides, and whether to stay at the end. */
  function renew() {
    setSides(lab.animation.surface);
    const atEnd = player.frame >= player.last && player.last > 1;
    player.last = lastFrame(lab.animation);
    if (!held()) dragged = null;
    player.seek(atEnd ? player.last : Math.min(player.frame, player.last));
  }

  function place(x, y, delay) {
    const inside = (value, [low, high]) => Math.min(high, Math.max(low, value));
    const digits = (value, [low, high]) => Number(value.toFixed(Math.max(0, 3 - Math.floor(Math.log10(high - low)))));
    const { surface } = lab.animation;
    dragged = [digits(inside(x, surface.x), surface.x), digits(inside(y, surface.y), surface.y)];
    draw();
    lab.change({ start: dragged }, delay);
  }
  const held = () => handle.classList.contains("held");
  const under = (event) => {
    const box = canvas.getBoundingClientRect();
    return planeOf(canvas, lab.animation.surface).point(event.clientX - box.left, event.clientY - box.top);
  };
  canvas.addEventListener("click", (event) => lab.animation && place(...under(event), 0));
  handle.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !lab.animation) return;
    handle.setPointerCapture(event.pointerId);
    handle.classList.add("held");
    handle.focus();
    event.preventDefault();
  });
  handle.addEventListener("pointermove", (event) => handle.hasPointerCapture(event.pointerId) && place(...under(event)));
  for (const end of ["pointerup", "pointercancel"]) handle.addEventListener(end, () => handle.classList.remove("held"));
  handle.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!way || !lab.animation) return;
    event.preventDefault();
    event.stopPropagation();
    const [[x0, x1], [y0, y1]] = [lab.animation.surface.x, lab.animation.surface.y];
    const by = event.shiftKey ? LARGE_STEP : SMALL_STEP;
    const [x, y] = dragged ?? lab.animation.start;
    place(x + way[0] * by * (x1 - x0), y + way[1] * by * (y1 - y0));
  });

  const scrub = (event) => player.seek(frameAt(chart, lab.animation, event.clientX - chart.getBoundingClientRect().left));
  chart.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !lab.animation) return;
    player.pause();
    chart.setPointerCapture(event.pointerId);
    scrub(event);
  });
  chart.addEventListener("pointermove", (event) => chart.hasPointerCapture(event.pointerId) && scrub(event));
  chart.addEventListener("pointerup", () => lab.settle());

  function onKey(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !lab.animation) return;
    const at = event.target instanceof Element ? event.target : document.body;
    if (at.closest(TAKES_ARROWS) || (event.key === " " && at !== handle && at.closest(TAKES_SPACE))) return;
    const acts = { " ": () => player.toggle(), ArrowLeft: () => player.step(event.shiftKey ? -10 : -1), ArrowRight: () => player.step(event.shiftKey ? 10 : 1) };
    if (at.closest(".readings, .stage")) Object.assign(acts, { Home: () => player.step(-Infinity), End: () => player.step(Infinity) });
    if (!acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  }
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const repaint = () => {
    theme = readTheme();
    draw();
  };
  const sizes = new ResizeObserver(draw);
  sizes.observe(canvas);
  sizes.observe(chart);
  document.addEventListener("keydown", onKey);
  dark.addEventListener("change", repaint);

  const help = h("p", { class: "unseen", id: "handle-help" }, "Drag it, or move it with the arrow keys; with Shift further. Space plays and pauses.");
  return {
    player,
    held,
    preview,
    renew,
    draw,
    scene: h("div", { class: "stage" }, picture, help, bar.node),
    losses: h("figure", null, h("figcaption", null, "Height above the floor, against gradient evaluations"), chart),
    end() {
      player.pause();
      sizes.disconnect();
      cancelAnimationFrame(asked);
      document.removeEventListener("keydown", onKey);
      dark.removeEventListener("change", repaint);
    },
  };
}
