/* The clock's buttons: to the start, back, play, forward, to the end, a slider over all, and the speed.

   const bar = transport(player);  root.append(bar.node);  bar.tell(frame, last);  bar.playing(true);
*/

import { h } from "./dom.js";
import { icon } from "./icons.js";

const SPEEDS = [0.25, 0.5, 1, 2, 4];

/** The bar of a Player; `tell` shows a frame, `playing` whether it moves. */
export function transport(player) {
  const button = (name, label, onclick) => h("button", { type: "button", "aria-label": label, title: label, onclick }, icon(name));
  const play = h("button", { type: "button", class: "primary play", onclick: () => player.toggle() }, icon("play"), h("span", null, "Play"));
  const scrub = h("input", { type: "range", min: 0, max: 1, step: 1, value: 0, "aria-label": "Gradient evaluation", oninput: () => {
    player.pause();
    player.seek(Number(scrub.value));
  } });
  const count = h("span", { class: "count" });
  const speed = h("select", { "aria-label": "Speed", title: "Speed", onchange: () => (player.speed = Number(speed.value)) }, SPEEDS.map((each) => h("option", { value: each, selected: each === 1 }, `${each}×`)));
  const node = h(
    "div",
    { class: "transport", role: "group", "aria-label": "Playback" },
    h("div", { class: "row" }, button("first", "To the start", () => player.step(-Infinity)), button("back", "One gradient back", () => player.step(-1)), play, button("forward", "One gradient forward", () => player.step(1)), button("last", "To the end", () => player.step(Infinity))),
    h("div", { class: "scrub" }, scrub, count, speed),
  );
  return {
    node,
    tell(frame, last) {
      const whole = Math.round(frame);
      scrub.max = last;
      scrub.value = whole;
      scrub.setAttribute("aria-valuetext", `${whole} of ${last} gradients`);
      count.textContent = `${whole} / ${last}`;
    },
    playing(now) {
      play.replaceChildren(icon(now ? "pause" : "play"), h("span", null, now ? "Pause" : "Play"));
    },
  };
}
