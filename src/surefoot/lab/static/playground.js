/* The playground: one animation, everything that can be set of it, and what happened in it. */

import { connection, get, post } from "./api.js";
import { controlPanel, surfaceBar } from "./controls.js";
import { h } from "./dom.js";
import { inspector } from "./inspector.js";
import { say } from "./narration.js";
import { recipePanel } from "./recipe.js";
import { debounced, superseding } from "./requests.js";
import { link, replaceQuery } from "./router.js";
import { stage } from "./stage.js";
import { addressOf, bodyOf, readState } from "./state.js";
import { stripPanel } from "./strips.js";
import { pathTable } from "./path_table.js";
import { fairness, headline, leader, outcome, pathNames } from "./words.js";

const SOON = 60; // milliseconds after a change before the lab is asked
const TUNED_SOON = 250; // longer where the answer takes longer
const SLOW = 200; // after so many, "computing" is shown
const SETTLED = 120; // after the last of many steps, before they are told and kept in the address

/** Shows the room; gives back what takes it down. */
export async function show(root, { query }) {
  const room = new Playground(root, query);
  room.build();
  await room.open();
  return () => room.end();
}

class Playground {
  constructor(root, query) {
    this.root = root;
    this.problem = "";
    try {
      this.state = readState(query);
    } catch (error) {
      this.problem = error.message;
      this.state = readState(new URLSearchParams());
    }
    this.paused = query.has("frame") || matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.optimizers = new Map();
    this.surfaces = new Map();
    this.animation = this.contours = this.arrows = null;
    this.told = "";
    this.running = 0;
    this.again = false;
    this.later = debounced(() => this.run());
    this.ask = superseding((signal) => this.answer(signal));
    this.settleLater = debounced(() => this.settle());
    this.back = () => this.open();
  }

  build() {
    this.stage = stage(this);
    this.table = pathTable(this);
    this.inspector = inspector(this, (seen) => {
      this.arrows = seen;
      this.stage.draw();
    });
    this.bar = surfaceBar(this);
    this.controls = controlPanel(this);
    this.strips = stripPanel(this);
    this.recipe = recipePanel(this);
    this.heading = h("h1", { tabindex: "-1" }, "Optimizers on a surface");
    this.lead = h("p", { class: "lead" }, "Real optimizers, from one start, with the same number of gradients for each.");
    this.outcome = h("p", { class: "outcome" });
    this.error = h("p", { class: "error", role: "alert", hidden: true });
    this.busy = h("p", { class: "loading computing", hidden: true }, "Computing …");
    const key = h("p", { class: "quiet key" }, "★\u00a0minimum · )(\u00a0saddle · ◎\u00a0start: drag it, or click elsewhere");
    const below = h("div", { class: "below" }, this.bar.about, key);
    this.main = h("div", { class: "bench", "aria-busy": "true" },
      h("div", { class: "left" }, this.bar.node, h("div", { class: "computing-place" }, this.busy), this.stage.scene, below),
      h("div", { class: "readings" }, this.stage.losses, this.outcome, this.table.node, this.inspector.node),
      this.controls.node,
    );
    const onward = h("p", { class: "onward" }, "Surfaces teach; they do not choose. Measure on your own model: ", h("code", null, "surefoot choose"), " compares optimizers on it and says which one to take, and how sure that is. ", link("/studies", "See the studies"), ".");
    this.root.append(this.heading, this.lead, this.error, this.main, this.strips.node, this.recipe.node, onward);
    connection.addEventListener("back", this.back);
  }

  /** Surfaces, optimizers and the first animation, all asked for at once. */
  async open() {
    const animation = this.run();
    try {
      const [surfaces, optimizers] = await Promise.all([get("/api/surfaces"), get("/api/optimizers")]);
      this.surfaces = new Map(surfaces.surfaces.map((each) => [each.name, each]));
      this.optimizers = new Map(optimizers.optimizers.map((each) => [each.name, each]));
    } catch (error) {
      await animation;
      this.fail(error.message);
      return;
    }
    const known = new Map([...this.optimizers.keys()].map((name) => [folded(name), name]));
    this.state.optimizers = this.state.optimizers.map((spec) => ({ ...spec, optimizer: known.get(folded(spec.optimizer)) ?? spec.optimizer }));
    this.bar.show();
    this.controls.chips.show();
    this.controls.show();
    this.preview(this.lines);
    await animation;
    if (this.problem) this.fail(`${this.problem}. The opening animation is shown.`);
  }

  /** Sets something of the state; the lab is asked for the animation once things are quiet. */
  change(patch, delay = this.state.tuning === "tuned" || patch.tuning === "tuned" ? TUNED_SOON : SOON) {
    this.state = { ...this.state, ...patch };
    this.problem = "";
    if (this.stage.held()) this.follow();
    else this.later(delay);
    if (!("start" in patch && patch.start)) this.controls.show();
  }

  /** While the start is being dragged, one animation after another is asked for, and none is given up. */
  follow() {
    this.again = this.running > 0;
    if (!this.again) this.run();
  }

  async run() {
    this.again = false;
    this.running += 1;
    await this.runOnce();
    this.running -= 1;
    if (this.again && !this.running) await this.run();
  }

  async runOnce() {
    const slow = setTimeout(() => this.setBusy(true), SLOW);
    try {
      const answer = await this.ask();
      if (answer) this.take(answer);
      else return clearTimeout(slow);
    } catch (error) {
      this.refuse(error);
    }
    clearTimeout(slow);
    this.setBusy(false);
  }

  /** The animation and, where the surface is another one, its contour lines; both or none are taken. */
  async answer(signal) {
    const { surface, x, y } = this.state;
    const ground = JSON.stringify([surface, x, y]);
    const contours = this.ground === ground ? this.contours : post("/api/contours", { surface, x, y }, { signal });
    const body = bodyOf(this.state);
    const asked = post("/api/animate", body, { signal });
    if (!this.animation) contours.then((lines) => this.preview(lines)).catch(() => {}); // told below
    const [animation, lines] = await Promise.all([asked, contours]);
    return { animation, contours: lines, ground };
  }

  /** The surface alone, while the first animation is still running. */
  preview(lines) {
    this.lines = lines;
    const surface = this.surfaces.get(this.state.surface);
    if (this.animation || !surface || !lines) return;
    this.stage.preview({ surface, start: this.state.start ?? surface.start, steps: this.state.steps, paths: [], strokes: [] }, lines);
  }

  take({ animation, contours, ground }) {
    const first = !this.animation;
    animation.paths.forEach((path, i) => (path.name = pathNames(animation.paths)[i]));
    Object.assign(this, { animation, contours, ground });
    if (this.state.selected !== null && !animation.paths[this.state.selected]) this.state.selected = null;
    this.fail("");
    this.bar.fail("");
    this.heading.textContent = headline(animation);
    this.lead.textContent = `Same start, same ${animation.steps} gradients${animation.noise ? `, same noise of ${animation.noise} on them` : ""}. ${fairness(animation, this.state.optimizers)}`;
    this.controls.show();
    this.controls.chips.refresh();
    this.table.renew();
    this.strips.renew();
    this.stage.renew();
    if (first) this.begin();
    else this.settle();
  }

  begin() {
    const { player } = this.stage;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (location.pathname === "/") history.replaceState(null, "", `/playground${location.search}`);
    if (this.state.frame !== null) player.seek(Math.round(this.state.frame));
    else if (still) player.seek(player.last);
    if (this.paused) this.settle();
    else player.play();
  }

  onframe(frame) {
    this.table.tell(frame);
    if (this.stage.player.playing) this.tellLeader(frame);
    this.inspector.look(frame, this.stage.player.playing);
    if (!this.stage.player.playing) this.settleLater(SETTLED);
  }

  onstate(playing) {
    this.inspector.look(this.stage.player.frame, playing);
    this.settle();
  }

  /** While it moves only who leads is told: more could not be read. */
  tellLeader(frame) {
    const words = leader(this.animation, frame);
    if (this.outcome.textContent !== words) this.outcome.textContent = words;
  }

  /** It stands still: say what is seen, and keep it in the address. */
  settle() {
    this.settleLater.stop();
    if (!this.animation || this.stage.player.playing) return;
    const frame = Math.round(this.stage.player.frame);
    const words = outcome(this.animation, frame);
    this.outcome.textContent = words;
    if (words !== this.told) say(words);
    this.told = words;
    replaceQuery(addressOf(this.animation.query, this.state, frame));
    this.recipe.tell();
  }

  select(place) {
    this.state.selected = this.state.selected === place ? null : place;
    this.table.select();
    this.inspector.look(this.stage.player.frame, this.stage.player.playing);
    this.settle();
    this.stage.draw();
  }

  refuse(error) {
    const ofFormula = this.bar.asksFormula() && error.status === 422 && /formula|surface/i.test(error.message);
    this.bar.fail(ofFormula ? error.message : "");
    this.fail(ofFormula ? "" : error.message);
    if (ofFormula) say(error.message);
  }

  fail(message) {
    this.error.textContent = message;
    this.error.hidden = !message;
  }

  setBusy(now) {
    this.busy.hidden = !now;
    this.busy.textContent = this.state.tuning === "tuned" || this.state.view === "strips" ? "Trying 25 learning rates for each optimizer …" : "Computing …";
    this.main.setAttribute("aria-busy", String(now));
    this.strips.busy(now);
  }

  body() {
    return bodyOf(this.state);
  }

  /** An optimizer's stroke, known as soon as its optimizer is. */
  stroke(place) {
    const { optimizer } = this.state.optimizers[place];
    const drawn = this.animation?.paths[place]?.optimizer === optimizer ? this.animation.strokes[place] : null;
    return drawn ?? this.optimizers.get(optimizer)?.stroke ?? { colour: "black", dash: [], marker: "o" };
  }

  end() {
    connection.removeEventListener("back", this.back);
    this.later.stop();
    this.settleLater.stop();
    this.ask.stop();
    this.inspector.stop();
    this.stage.end();
  }
}

function folded(name) {
  return name.toLowerCase().replace(/[-_]/g, "");
}
