/* Which optimizers are shown: chips to add and remove them, and each one's settings. */

import { clear, fresh, h } from "./dom.js";
import { LOGARITHMIC, MEMORY, slider, textField } from "./fields.js";
import { setting } from "./format.js";
import { swatch } from "./swatch.js";

export const MOST = 12;

/** The list of optimizers; `lab` has state, optimizers and change.  show() draws it again. */
export function optimizerChips(lab) {
  const list = h("ul", { class: "optimizer-list" });
  const add = h("select", { id: fresh("add") });
  const button = h("button", { type: "button", onclick: () => insert(add.value) }, "Add");
  const node = h(
    "fieldset",
    { class: "field" },
    h("legend", null, "Optimizers"),
    list,
    h("div", { class: "row add" }, h("label", { class: "unseen", for: add.id }, "Optimizer to add"), add, button),
  );
  let open = -1;

  function insert(optimizer) {
    lab.change({ optimizers: [...lab.state.optimizers, { optimizer, hyperparameters: {} }] });
    show();
  }
  function remove(place) {
    open = -1;
    lab.change({ optimizers: lab.state.optimizers.filter((_, i) => i !== place), selected: null });
    show();
    (list.querySelectorAll(".remove")[Math.min(place, lab.state.optimizers.length - 1)] ?? add).focus();
  }
  function adjust(place, name, value) {
    const optimizers = lab.state.optimizers.map((spec, i) => {
      if (i !== place) return spec;
      const { [name]: _, ...rest } = spec.hyperparameters;
      return { ...spec, hyperparameters: value === undefined ? rest : { ...rest, [name]: value } };
    });
    lab.change({ optimizers });
    chips[place].told(optimizers[place]);
  }

  let chips = [];
  function show() {
    if (!add.options.length) add.append(...[...lab.optimizers.keys()].map((name) => h("option", { value: name }, name)));
    button.disabled = lab.state.optimizers.length >= MOST;
    clear(list);
    chips = lab.state.optimizers.map((spec, i) => chip(spec, i));
    list.append(...chips.map((each) => each.node));
  }

  function chip(spec, place) {
    const words = h("span", { class: "told" });
    const told = (now) => (words.textContent = Object.entries(now.hyperparameters).map(([name, value]) => `${name}=${setting(value)}`).join(" "));
    told(spec);
    const panel = h("div", { class: "settings", id: fresh("settings"), hidden: place !== open });
    const toggle = h(
      "button",
      { type: "button", class: "name", "aria-expanded": String(place === open), "aria-controls": panel.id, title: "Settings", onclick: () => {
        open = panel.hidden ? place : -1;
        show();
        list.querySelectorAll(".name")[place].focus();
      } },
      swatch(lab.stroke(place)),
      h("span", { class: "who" }, spec.optimizer, " ", words),
    );
    const gone = h("button", { type: "button", class: "plain remove", "aria-label": `Remove ${spec.optimizer}`, disabled: lab.state.optimizers.length < 2, onclick: () => remove(place) }, "×");
    if (place === open) panel.append(...panelOf(spec, place));
    return { node: h("li", null, h("div", { class: "chip" }, toggle, gone), panel), told };
  }

  function panelOf(spec, place) {
    const card = lab.optimizers.get(spec.optimizer);
    if (!card) return [];
    const fields = card.hyperparameters.map((each) => settingField(each, spec.hyperparameters[each.name], (value) => adjust(place, each.name, value)));
    return [h("p", { class: "quiet" }, card.summary), ...fields];
  }
  /** Another animation: strokes may differ; whatever is open and focused stays. */
  function refresh() {
    if (chips.length !== lab.state.optimizers.length) return show();
    chips.forEach((each, i) => {
      each.told(lab.state.optimizers[i]);
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
