/* Labelled controls: a slider with its number, a field of text, a switch between few choices.

   const lr = slider({ label: "Learning rate", scale: LOGARITHMIC(1e-5, 10), onchange: (value) => … });
   form.append(lr.node); lr.set(0.01);
*/

import { fresh, h } from "./dom.js";
import { setting } from "./format.js";

const PLACES = 240; // of a slider's handle

/** Scales of sliders: from a value to its place in [0, 1], and back. */
export const LINEAR = (low, high, digits = 3) => ({
  place: (value) => (value - low) / (high - low),
  value: (place) => Number((low + place * (high - low)).toPrecision(digits)),
  low, high,
});
export const LOGARITHMIC = (low, high, digits = 2) => ({
  place: (value) => Math.log(value / low) / Math.log(high / low),
  value: (place) => Number((low * (high / low) ** place).toPrecision(digits)),
  low, high,
});
/** Logarithmic, with zero at its left end. */
export const FROM_ZERO = (low, high) => {
  const rest = LOGARITHMIC(low, high);
  return {
    place: (value) => (value <= 0 ? 0 : 0.04 + 0.96 * rest.place(value)),
    value: (place) => (place < 0.02 ? 0 : rest.value(Math.max(0, (place - 0.04) / 0.96))),
    low: 0, high: Infinity,
  };
};
/** Of momentum: as even steps of how long a gradient is remembered. */
export const MEMORY = {
  place: (value) => Math.min(1, -Math.log10(1 - value) / 3),
  value: (place) => Number((1 - 10 ** (-3 * place)).toFixed(place > 0.6 ? 4 : 2)),
  low: 0, high: 1 - 1e-9,
};

/** A slider and a field for its number; `set(null)` shows that nothing is set, with `unset` in its place. */
export function slider({ label, scale, onchange, unset = "", note = "", whole = false }) {
  const [id, exact] = [fresh("slider"), fresh("number")];
  const tidy = (value) => (whole ? Math.round(value) : value);
  const range = h("input", { type: "range", id, min: 0, max: PLACES, step: 1, oninput: () => take(tidy(scale.value(range.value / PLACES))) });
  const text = h("input", { type: "text", inputmode: "decimal", id: exact, class: "number", placeholder: unset, autocomplete: "off", "aria-label": `${label}, as a number`, onchange: typed });
  const problem = h("p", { class: "error", role: "alert", hidden: true });

  function take(value) {
    text.value = "";
    show(value);
    onchange(value);
  }
  function typed() {
    if (!text.value.trim() && unset) return take(null);
    const value = tidy(Number(text.value.replace(",", ".")));
    if (text.value.trim() && value >= scale.low && value <= scale.high) return take(value);
    text.setAttribute("aria-invalid", "true");
    problem.textContent = `${label}: a number${whole ? " without a fraction" : ""} from ${setting(scale.low)}${Number.isFinite(scale.high) ? ` to ${setting(scale.high)}` : ""}`;
    problem.hidden = false;
  }
  function show(value) {
    text.removeAttribute("aria-invalid");
    problem.hidden = true;
    const told = value === null || value === undefined ? "" : whole ? String(value) : setting(value);
    if (document.activeElement !== text || text.value === "") text.value = told;
    range.setAttribute("aria-valuetext", told || unset);
    range.classList.toggle("unset", !told);
    if (told) range.value = Math.round(PLACES * Math.min(1, Math.max(0, scale.place(value))));
  }
  const node = h("div", { class: "field slider" }, h("label", { for: id }, label), text, range, note && h("p", { class: "note" }, note), problem);
  return { node, set: show };
}

/** A field of text with a place for what is wrong with it. */
export function textField({ label, value = "", placeholder = "", note = "", onchange, oninput, ...attributes }) {
  const id = fresh("field");
  const input = h("input", { type: "text", id, value, placeholder, autocomplete: "off", spellcheck: "false", "aria-describedby": `${id}-note ${id}-error`, ...attributes });
  if (onchange) input.addEventListener("change", () => onchange(input.value));
  if (oninput) input.addEventListener("input", () => oninput(input.value));
  const problem = h("p", { class: "error", id: `${id}-error`, role: "alert", hidden: true });
  const node = h("div", { class: "field" }, h("label", { for: id }, label), input, h("p", { class: "note", id: `${id}-note`, hidden: !note }, note), problem);
  return {
    node,
    input,
    fail(message) {
      problem.textContent = message;
      problem.hidden = !message;
      if (message) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    },
  };
}

/** A choice among few, side by side; `set(value)` shows which. */
export function choice({ label, options, onchange }) {
  const name = fresh("choice");
  const inputs = options.map(([value, text]) => {
    const input = h("input", { type: "radio", name, value, onchange: () => onchange(value) });
    return { value, input, node: h("label", null, input, h("span", null, text)) };
  });
  const node = h("fieldset", { class: "field" }, h("legend", null, label), h("div", { class: "switch" }, inputs.map((each) => each.node)));
  return { node, set: (value) => inputs.forEach((each) => (each.input.checked = each.value === value)) };
}
