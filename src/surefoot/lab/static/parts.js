/* Small parts that the rooms of studies and optimizers share: tables, code to copy, times.

   table("Results on fresh seeds", [{ text: "candidate" }, { text: "seeds", numeric: true }], rows)
   code("surefoot choose digits", "the command")
   ago(3200)   // "3 s ago"
*/

import { h } from "./dom.js";
import { say } from "./narration.js";

/** A table that scrolls within itself; rows are [key, class, cells], the first cell names the row.

    columns: {text, numeric, sort (its name), sorted ("ascending" or "descending"), onsort}. */
export function table(caption, columns, rows, name = "") {
  const heads = columns.map((column) => h("th", { scope: "col", class: column.numeric ? "n" : null, "aria-sort": column.sorted ?? null }, head(column)));
  const body = rows.map(([key, kind, cells]) =>
    h(
      "tr",
      { class: kind || null, dataset: { key } },
      cells.map((cell, i) => (i === 0 ? h("th", { scope: "row", ...classOf(cell, columns[i]) }, inner(cell)) : h("td", classOf(cell, columns[i]), inner(cell)))),
    ),
  );
  return h(
    "div",
    { class: "scroll", role: "region", "aria-label": caption, tabindex: "0" },
    h("table", { class: name || null }, h("caption", { class: "unseen" }, caption), h("thead", null, h("tr", null, heads)), h("tbody", null, body)),
  );
}

/** A cell with a class of its own. */
export function cell(kind, ...children) {
  return new Cell(kind, children);
}

class Cell {
  constructor(kind, children) {
    Object.assign(this, { kind, children });
  }
}

function inner(content) {
  return content instanceof Cell ? content.children : (content ?? "");
}

function classOf(content, column) {
  const names = [column?.numeric ? "n" : "", content instanceof Cell ? content.kind : ""].filter(Boolean).join(" ");
  return names ? { class: names } : null;
}

function head({ text, sort, sorted, onsort }) {
  if (!sort) return text;
  const arrow = sorted === "ascending" ? "▲" : sorted === "descending" ? "▼" : "";
  return h("button", { type: "button", class: "plain sort", onclick: () => onsort(sort) }, text, h("span", { "aria-hidden": "true" }, arrow));
}

/** Text to copy, with the button that does. */
export function code(text, what) {
  return h(
    "div",
    { class: "code" },
    h("pre", { tabindex: "0", "aria-label": what }, text),
    h("button", { type: "button", class: "copy", "aria-label": `Copy ${what}`, onclick: ({ currentTarget }) => copyBeside(currentTarget) }, "Copy"),
  );
}

/** Copies the code that a button stands beside. */
export async function copyBeside(button) {
  const text = button.parentElement.querySelector("pre");
  button.textContent = (await copied(text.textContent)) ? "Copied" : selected(text);
  say(button.textContent);
  setTimeout(() => (button.textContent = "Copy"), 2000);
}

/** Puts text into the clipboard; false where the browser does not let us. */
export async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function selected(node) {
  getSelection().selectAllChildren(node);
  return "Selected";
}

/** Waits for something, and says so in the empty room meanwhile; throws where the room was left before it came. */
export async function loading(root, promise) {
  const note = h("p", { class: "loading" }, "Opening …");
  root.append(note);
  const found = await promise;
  if (!note.isConnected) throw new DOMException("the room was left", "AbortError");
  note.remove();
  return found;
}

/** "3 s ago", "2 min ago", "5 h ago", "3 days ago"; of milliseconds. */
export function ago(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 100) return `${seconds} s ago`;
  if (seconds < 6000) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h ago`;
  return `${Math.round(seconds / 86400)} days ago`;
}

/** "2026-11-24 16:42" in UTC; anything that is no time as it is. */
export function dayAndTime(text) {
  const time = new Date(text);
  return Number.isNaN(time.valueOf()) ? text : time.toISOString().slice(0, 16).replace("T", " ");
}
