/* Who races: chips to add and remove optimizers, and each one's settings. */

import { clear, fresh, h } from "./dom.js";
import { LOGARITHMIC, MEMORY, slider, textField } from "./fields.js";
import { swatch } from "./swatch.js";
import { setting } from "./words.js";

export const MOST = 12;

/** The list of racers; `lab` has state, optimizers and change.  show() draws it again. */
export function racerList(lab) {
  const list = h("ul", { class: "racers" });
  const add = h("select", { id: fresh("add") });
  const button = h("button", { type: "button", onclick: () => insert(add.value) }, "Add");
  const node = h(
    "fieldset",
    { class: "field" },
    h("legend", null, "Racers"),
    list,
    h("div", { class: "row add" }, h("label", { class: "unseen", for: add.id }, "Optimizer to add"), add, button),
  );
  let open = -1;

  function insert(optimizer) {
    lab.change({ racers: [...lab.state.racers, { optimizer, hyperparameters: {} }] });
    show();
  }
  function remove(place) {
    open = -1;
    lab.change({ racers: lab.state.racers.filter((_, i) => i !== place), selected: null });
    show();
    (list.querySelectorAll(".remove")[Math.min(place, lab.state.racers.length - 1)] ?? add).focus();
  }
  function adjust(place, name, value) {
    const racers = lab.state.racers.map((racer, i) => {
      if (i !== place) return racer;
      const { [name]: _, ...rest } = racer.hyperparameters;
      return { ...racer, hyperparameters: value === undefined ? rest : { ...rest, [name]: value } };
    });
    lab.change({ racers });
    chips[place].told(racers[place]);
  }

  let chips = [];
  function show() {
    if (!add.options.length) add.append(...[...lab.optimizers.keys()].map((name) => h("option", { value: name }, name)));
    button.disabled = lab.state.racers.length >= MOST;
    clear(list);
    chips = lab.state.racers.map((racer, i) => chip(racer, i));
    list.append(...chips.map((each) => each.node));
  }

  function chip(racer, place) {
    const words = h("span", { class: "told" });
    const told = (now) => (words.textContent = Object.entries(now.hyperparameters).map(([name, value]) => `${name}=${setting(value)}`).join(" "));
    told(racer);
    const panel = h("div", { class: "settings", id: fresh("settings"), hidden: place !== open });
    const toggle = h(
      "button",
      { type: "button", class: "name", "aria-expanded": String(place === open), "aria-controls": panel.id, title: "Settings", onclick: () => {
        open = panel.hidden ? place : -1;
        show();
        list.querySelectorAll(".name")[place].focus();
      } },
      swatch(lab.stroke(place)),
      h("span", { class: "who" }, racer.optimizer, " ", words),
    );
    const gone = h("button", { type: "button", class: "plain remove", "aria-label": `Remove ${racer.optimizer}`, disabled: lab.state.racers.length < 2, onclick: () => remove(place) }, "×");
    if (place === open) panel.append(...panelOf(racer, place));
    return { node: h("li", null, h("div", { class: "chip" }, toggle, gone), panel), told };
  }

  function panelOf(racer, place) {
    const card = lab.optimizers.get(racer.optimizer);
    if (!card) return [];
    const fields = card.hyperparameters.map((each) => settingField(each, racer.hyperparameters[each.name], (value) => adjust(place, each.name, value)));
    return [h("p", { class: "quiet" }, card.summary), ...fields];
  }
  /** Another race: strokes may differ; whatever is open and focused stays. */
  function refresh() {
    if (chips.length !== lab.state.racers.length) return show();
    chips.forEach((each, i) => {
      each.told(lab.state.racers[i]);
      each.node.querySelector(".swatch").replaceWith(swatch(lab.stroke(i)));
    });
  }
  return { node, show, refresh };
}

/** The control that fits a setting: a slider for a learning rate or momentum, else a field of text or a choice. */
function settingField(each, value, adjust) {
  const scale = each.name === "lr" ? LOGARITHMIC(1e-5, 10) : each.kind === "momentum" ? MEMORY : null;
  if (scale) {
    const found = slider({ label: each.name, scale, unset: each.name === "lr" ? "as tuned" : setting(each.default), onchange: (to) => adjust(to ?? undefined) });
    found.set(value ?? null);
    return found.node;
  }
  if (each.kind === "flag") return selectField(each, value, [true, false], adjust);
  if (each.kind === "choice") return selectField(each, value, each.choices, adjust);
  const field = textField({
    label: each.name,
    value: value === undefined ? "" : plain(value),
    placeholder: plain(each.default),
    note: each.meaning,
    onchange: (text) => {
      try {
        adjust(read(text, each));
        field.fail("");
      } catch (error) {
        field.fail(error.message);
      }
    },
  });
  return field.node;
}

/* One of a few values; the first entry leaves the setting as the library has it. */
function selectField(each, value, values, adjust) {
  const id = fresh("select");
  const options = [["", `as it comes (${setting(each.default)})`], ...values.map((one) => [String(one), setting(one)])];
  const select = h("select", { id, onchange: () => adjust(values.find((one) => String(one) === select.value)) }, options.map(([key, text]) => h("option", { value: key }, text)));
  select.value = value === undefined ? "" : String(value);
  return h("div", { class: "field" }, h("label", { for: id }, each.name), select, h("p", { class: "note" }, each.meaning));
}

function plain(value) {
  return Array.isArray(value) ? value.map(setting).join(", ") : setting(value);
}

/* A setting as it was typed; the lab itself says whether the optimizer takes it. */
function read(text, { name, kind, default: usual }) {
  const written = text.trim().replace(/^[([]|[)\]]$/g, "");
  if (!written) return undefined;
  if (kind === "word") return /^none$/i.test(written) ? null : written;
  const parts = written.split(/[\s,;]+/).filter(Boolean).map((part) => (/^none$/i.test(part) ? null : Number(part)));
  if (parts.some(Number.isNaN)) throw new Error(`${name}: ${Array.isArray(usual) ? `${usual.length} numbers, as in ${plain(usual)}` : `a number, as in ${plain(usual)}`}`);
  return Array.isArray(usual) ? parts : parts[0];
}
