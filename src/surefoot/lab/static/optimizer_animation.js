/* The animation on an optimizer's card: against SGD and Adam, with the library's settings and with tuned ones.

   const animation = cardAnimation(card, query);  root.append(animation.node);  animation.begin();  …  animation.end();
*/

import { post } from "./api.js";
import { fresh, h } from "./dom.js";
import { say } from "./narration.js";
import { Player } from "./player.js";
import { drawScene, lastFrame } from "./animation.js";
import { superseding } from "./requests.js";
import { link, replaceQuery } from "./router.js";
import { swatch } from "./swatch.js";
import { outcome, settings } from "./words.js";

const SURFACES = { saddle: "Saddle", beale: "Beale", rosenbrock: "Rosenbrock" };
const TUNINGS = { default: "As the library comes", tuned: "Tuned, the same budget for each" };
const STEPS = 120;

/** The part of the card, with begin and end. */
export function cardAnimation(card, query) {
  return new CardAnimation(card, query);
}

class CardAnimation {
  constructor(card, query) {
    Object.assign(this, { card, query, surface: query.get("surface") in SURFACES ? query.get("surface") : "saddle" });
    this.views = Object.entries(TUNINGS).map(([tuning, title]) => new View(tuning, title));
    this.play = h("button", { type: "button", class: "primary", disabled: true, onclick: () => this.player?.toggle() }, "Play");
    this.node = h(
      "section",
      { class: "card-animation", "aria-labelledby": "animation-title" },
      h("h2", { id: "animation-title" }, "On a surface"),
      h("div", { class: "row" }, this.chooser(), this.play),
      h("div", { class: "scenes" }, this.views.map((view) => view.node)),
    );
    this.ask = superseding((signal, surface) => this.fetch(surface, signal));
    this.resized = new ResizeObserver(() => this.draw());
    this.theme = matchMedia("(prefers-color-scheme: dark)");
    this.redraw = () => this.draw();
  }

  begin() {
    this.views.forEach((view) => this.resized.observe(view.canvas));
    this.theme.addEventListener("change", this.redraw);
    this.run();
  }

  end() {
    this.ask.stop();
    this.player?.pause();
    this.resized.disconnect();
    this.theme.removeEventListener("change", this.redraw);
  }

  chooser() {
    const name = fresh("surface");
    const options = Object.entries(SURFACES).map(([key, text]) =>
      h("label", null, h("input", { type: "radio", name, value: key, checked: key === this.surface, onchange: () => this.choose(key) }), text),
    );
    return h("fieldset", null, h("legend", { class: "unseen" }, "Surface"), h("div", { class: "switch" }, options));
  }

  choose(surface) {
    this.surface = surface;
    if (surface === "saddle") this.query.delete("surface");
    else this.query.set("surface", surface);
    replaceQuery(this.query);
    this.run();
  }

  recipe(tuning) {
    const names = [...new Set([this.card.name, "SGD", "Adam"])];
    return { surface: this.surface, optimizers: names.map((optimizer) => ({ optimizer, hyperparameters: {} })), tuning, steps: STEPS };
  }

  /* Each picture as soon as it is there: tuning takes a thousand runs. */
  async run() {
    this.player?.pause();
    this.player = null;
    this.play.disabled = true;
    this.views.forEach((view) => view.wait());
    await this.ask(this.surface);
  }

  async fetch(surface, signal) {
    const contours = post("/api/contours", { surface }, { signal });
    const shown = this.views.map(async (view) => {
      try {
        const animation = await post("/api/animate", this.recipe(view.tuning), { signal });
        view.take(animation, await contours);
        this.ready(animation);
      } catch (error) {
        if (error.name !== "AbortError") view.fail(error.message, () => this.run());
      }
    });
    await Promise.all(shown);
  }

  /* At its end at once: whoever wants to see the way presses Play. */
  ready(animation) {
    const last = lastFrame(animation);
    if (this.player) return this.draw();
    this.player = new Player({
      last,
      onframe: () => this.draw(),
      onstate: (playing) => {
        this.play.textContent = playing ? "Pause" : "Play";
        if (!playing && this.player.frame >= last) say(this.views.map((view) => view.told).join(" "));
      },
    });
    this.play.disabled = false;
    this.play.textContent = "Play";
    this.player.seek(last);
  }

  draw() {
    this.views.forEach((view) => view.draw(this.player?.frame ?? 0));
  }
}

/* One of the two pictures. */
class View {
  constructor(tuning, title) {
    Object.assign(this, { tuning, title, animation: null });
    this.canvas = h("canvas", { class: "scene", role: "img", "aria-label": `${title}: being computed` });
    this.words = h("figcaption");
    this.node = h("figure", { dataset: { tuning } }, h("h3", null, title), this.canvas, this.words);
  }

  /** What a screen reader says of it. */
  get told() {
    return this.animation ? `${this.title}: ${outcome(this.animation, lastFrame(this.animation))}` : "";
  }

  wait() {
    this.node.setAttribute("aria-busy", "true");
    if (!this.animation) this.words.replaceChildren(h("p", { class: "loading" }, this.tuning === "tuned" ? "Tuning each optimizer …" : "Computing …"));
  }

  fail(message, again) {
    this.node.removeAttribute("aria-busy");
    this.animation = null;
    this.canvas.getContext("2d").clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.canvas.setAttribute("aria-label", `${this.title}: no animation`);
    this.words.replaceChildren(h("p", { class: "error", role: "alert" }, message), h("button", { type: "button", onclick: again }, "Try again"));
  }

  take(animation, contours) {
    Object.assign(this, { animation, contours });
    this.node.removeAttribute("aria-busy");
    this.canvas.setAttribute("aria-label", `Paths on ${animation.surface.name}. ${this.told}`);
    this.words.replaceChildren(
      h("ul", { class: "legend" }, animation.paths.map((path, i) => h("li", null, swatch(animation.strokes[i]), h("span", null, `${path.optimizer} ${settings(path)}`, path.lifted ? " (lifted into a 2×2 matrix)" : "")))),
      h("p", null, outcome(animation, lastFrame(animation))),
      h("p", null, link(animation.link, "Open in the playground")),
    );
  }

  draw(frame) {
    if (this.animation && this.canvas.clientWidth > 0) drawScene(this.canvas, this.animation, this.contours, frame, { selected: 0 });
  }
}
