/* What can be set of an animation: its surface, tuning, optimizers, learning rate, momentum, noise, steps, seed and start. */

import { fresh, h } from "./dom.js";
import { choice, FROM_ZERO, LOGARITHMIC, MEMORY, slider, textField } from "./fields.js";
import { optimizerChips } from "./optimizer_chips.js";
import { surfaceName } from "./words.js";

const OWN = "own formula";
const TYPING = 350; // milliseconds without a key before a formula is sent

/** The bar above the picture: which surface, and how learning rates are found. */
export function surfaceBar(lab) {
  const select = h("select", { id: fresh("surface"), onchange: () => pick(select.value) });
  const about = h("p", { class: "quiet about" });
  const formula = textField({ label: "Formula of x and y", placeholder: "x^2 + 10 sin(y)^2", maxlength: 400, oninput: (text) => text.trim() && lab.change({ surface: text, x: null, y: null, start: null }, TYPING) });
  formula.node.classList.add("formula");
  const tuning = choice({
    label: "Learning rates",
    options: [["default", "default rates"], ["same-lr", "one rate"], ["tuned", "tuned rates"]],
    onchange: (value) => {
      lab.change({ tuning: value });
      show();
    },
  });

  function pick(name) {
    if (name !== OWN) {
      lab.change({ surface: name, x: null, y: null, start: null, noise: null, lr: null });
      show();
      return;
    }
    const known = lab.surfaces.get(lab.state.surface);
    formula.input.value = known?.formula ?? lab.state.surface;
    lab.change({ surface: formula.input.value });
    show(true);
    formula.input.focus();
  }
  /** As the state is; the typed formula is left alone. */
  function show(asFormula = false) {
    if (!select.options.length) select.append(...[...lab.surfaces.keys()].map((name) => h("option", { value: name }, surfaceName(lab.surfaces.get(name)))), h("option", { value: OWN }, "own formula …"));
    const known = asFormula ? null : lab.surfaces.get(lab.state.surface.toLowerCase());
    select.value = known?.name ?? OWN;
    formula.node.hidden = Boolean(known);
    if (!known && !formula.input.value) formula.input.value = lab.state.surface;
    if (known) formula.input.value = "";
    about.textContent = known ? known.about : "Numbers, x, y, pi, e, + − * / ^, and sin, cos, exp, log, sqrt, abs, tanh and their like.";
    tuning.set(lab.state.tuning);
  }
  const node = h("div", { class: "surface-bar" }, h("div", { class: "row" }, h("div", { class: "field" }, h("label", { for: select.id, class: "unseen" }, "Surface"), select), tuning.node), formula.node);
  return { node, about, show, fail: formula.fail, asksFormula: () => !formula.node.hidden };
}

/** The panel of everything else. */
export function controlPanel(lab) {
  const chips = optimizerChips(lab);
  const lr = slider({ label: "One learning rate for all", scale: LOGARITHMIC(1e-5, 10), unset: "own", onchange: (value) => lab.change({ lr: value, tuning: "same-lr" }) });
  const momentum = slider({ label: "Momentum, or first beta, of all", scale: MEMORY, unset: "own", onchange: setMomentum });
  const noise = slider({ label: "Noise on the gradient", scale: FROM_ZERO(0.001, 100), onchange: (value) => lab.change({ noise: value }) });
  const steps = slider({ label: "Gradient evaluations", scale: LOGARITHMIC(10, 2000), whole: true, onchange: (value) => lab.change({ steps: value }) });
  const seed = textField({ label: "Seed of the noise", inputmode: "numeric", onchange: (text) => setSeed(text) });
  const another = h("button", { type: "button", onclick: () => setSeed(String(lab.state.seed + 1)) }, "Next seed");
  const [x, y] = ["x", "y"].map((name, axis) => textField({ label: `Start ${name}`, inputmode: "decimal", onchange: (text) => setStart(axis, text) }));
  const home = h("button", { type: "button", onclick: () => lab.change({ start: null }) }, "Usual start");

  function setSeed(text) {
    const value = Number(text);
    const sound = text.trim() && Number.isInteger(value) && value >= 0 && value < 2 ** 31;
    seed.fail(sound ? "" : "Seed: a whole number from 0 to 2147483647");
    if (sound) lab.change({ seed: value });
  }
  function setStart(axis, text) {
    const value = Number(text.replace(",", ".").replace("−", "-"));
    const sound = text.trim() !== "" && Number.isFinite(value) && Math.abs(value) <= 1e6;
    [x, y][axis].fail(sound ? "" : "A number");
    if (!sound) return;
    const start = [...(lab.state.start ?? lab.animation.start)];
    start[axis] = value;
    lab.change({ start });
  }
  function setMomentum(value) {
    lab.change({ optimizers: lab.state.optimizers.map((spec) => withMomentum(spec, lab.optimizers.get(spec.optimizer), value)) });
    chips.show();
  }
  /** As the state and the animation are. */
  function show() {
    const { state, animation } = lab;
    lr.set(state.tuning === "same-lr" ? (state.lr ?? commonRate(animation)) : null);
    momentum.set(commonMomentum(state.optimizers, lab.optimizers));
    noise.set(state.noise ?? animation?.noise ?? 0);
    steps.set(state.steps);
    if (document.activeElement !== seed.input) seed.input.value = String(state.seed);
    (state.start ?? animation?.start ?? []).forEach((value, axis) => {
      if (document.activeElement !== [x, y][axis].input) [x, y][axis].input.value = String(value);
      [x, y][axis].fail("");
    });
  }
  const node = h("section", { class: "controls", "aria-labelledby": "controls-title" }, h("h2", { id: "controls-title" }, "Settings"), chips.node, lr.node, momentum.node, noise.node, steps.node, h("div", { class: "pairs" }, seed.node, another), h("div", { class: "pairs three" }, x.node, y.node, home));
  return { node, show, chips };
}

function withMomentum(spec, card, value) {
  const memory = memoryOf(card);
  if (!memory) return spec;
  const { name, kind, default: usual } = memory;
  const { [name]: own, ...rest } = spec.hyperparameters;
  if (value === null) return { ...spec, hyperparameters: rest };
  return { ...spec, hyperparameters: { ...rest, [name]: kind === "momentum" ? value : [value, ...(own ?? usual).slice(1)] } };
}

/* The setting that says how long gradients are remembered: a momentum, else the first of several decay rates. */
function memoryOf(card) {
  const settings = card?.hyperparameters ?? [];
  return settings.find((each) => each.kind === "momentum") ?? settings.find((each) => each.kind === "decays");
}

function commonMomentum(specs, optimizers) {
  const told = ({ optimizer, hyperparameters }) => [hyperparameters[memoryOf(optimizers.get(optimizer))?.name]].flat()[0];
  const found = specs.map(told).filter((value) => value !== undefined);
  return found.length && found.every((value) => value === found[0]) && found.length > 1 ? found[0] : null;
}

function commonRate(animation) {
  return animation?.paths.find((path) => path.hyperparameters.lr !== undefined)?.hyperparameters.lr ?? null;
}
