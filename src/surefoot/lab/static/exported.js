/* An animation on a page of its own, as surefoot.surfaces.pictures.page writes it: the picture, its clock and its table, no lab. */

import { readTheme } from "./ground.js";
import { Player } from "./player.js";
import { drawLosses, drawScene, lastFrame } from "./animation.js";
import { pathTable } from "./path_table.js";
import { transport } from "./transport.js";
import { leader, outcome, pathNames } from "./words.js";

function openPage() {
  const { animation, contours } = JSON.parse(document.getElementById("animation").textContent);
  animation.paths.forEach((path, i) => (path.name = pathNames(animation.paths)[i]));
  const [scene, losses] = ["scene", "losses"].map((id) => document.getElementById(id));
  const told = document.getElementById("outcome");
  const shown = { animation, state: { selected: null }, select };
  const table = pathTable(shown);
  const player = new Player({ last: lastFrame(animation), onframe: moved, onstate: changed });
  const bar = transport(player);
  let theme = readTheme();

  function draw() {
    const options = { theme, selected: shown.state.selected };
    drawScene(scene, animation, contours, player.frame, options);
    drawLosses(losses, animation, player.frame, options);
  }
  function moved(frame) {
    bar.tell(frame, player.last);
    table.tell(frame);
    const words = player.playing ? leader(animation, frame) : outcome(animation, frame);
    if (told.textContent !== words) told.textContent = words;
    draw();
  }
  function changed(playing) {
    bar.playing(playing);
    if (!playing) told.textContent = outcome(animation, player.frame);
  }
  function select(place) {
    shown.state.selected = shown.state.selected === place ? null : place;
    table.select();
    draw();
  }
  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || (event.target instanceof Element && event.target.closest("input, select, pre"))) return;
    const acts = { " ": () => player.toggle(), ArrowLeft: () => player.step(-1), ArrowRight: () => player.step(1) };
    if (!acts[event.key] || (event.key === " " && event.target.closest?.("button"))) return;
    event.preventDefault();
    acts[event.key]();
  }

  const { x, y } = animation.surface;
  document.querySelector(".frame").style.setProperty("--sides", String(Math.min(1.7, Math.max(0.75, (x[1] - x[0]) / (y[1] - y[0])))));
  document.getElementById("transport").append(bar.node);
  document.getElementById("table").replaceChildren(table.node);
  document.getElementById("controls-need-script").remove();
  table.renew();
  document.addEventListener("keydown", onKey);
  const sizes = new ResizeObserver(draw);
  sizes.observe(scene);
  sizes.observe(losses);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    theme = readTheme();
    draw();
  });
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  player.seek(still ? player.last : 0);
  if (!still) player.play();
}

openPage();
