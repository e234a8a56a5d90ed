/* What makes a picture again: its link, the command, the Python; and the picture as a file. */

import { download } from "./api.js";
import { fresh, h } from "./dom.js";
import { icon } from "./icons.js";
import { copied } from "./parts.js";
import { say } from "./narration.js";

const FILES = [["png", "PNG"], ["svg", "SVG"], ["gif", "GIF"], ["webp", "WebP"], ["html", "HTML page"], ["json", "JSON"], ["py", "Python"]];
const SHOWN = 1600; // milliseconds that "Copied" stands

/** A text that can be copied, with its name. */
export function copyRow(name, text, { lines = false } = {}) {
  const id = fresh("copy");
  const words = h("span", null, "Copy");
  const button = h("button", { type: "button", class: "copy", "aria-label": `Copy the ${name.toLowerCase()}`, onclick: async () => {
    const done = await copied(text());
    words.textContent = done ? "Copied" : "Select and copy";
    say(done ? `The ${name.toLowerCase()} is in the clipboard` : "Copying is not allowed here: select the text and copy it");
    if (!done) getSelection().selectAllChildren(shown);
    setTimeout(() => (words.textContent = "Copy"), SHOWN);
  } }, icon("copy"), words);
  const shown = h(lines ? "pre" : "code", { id, tabindex: "0", role: "region", "aria-label": name }); // it scrolls
  const node = h("div", { class: `copyable${lines ? " lines" : ""}` }, h("span", { class: "label" }, name), shown, button);
  return { node, tell: () => (shown.textContent = text()) };
}

/** The panel of an animation: link, command, snippet and downloads. */
export function recipePanel(lab) {
  const rows = [
    copyRow("Link", () => location.href),
    copyRow("Command", () => lab.animation?.command ?? ""),
    copyRow("Python", () => lab.animation?.snippet ?? "", { lines: true }),
  ];
  const problem = h("p", { class: "error", role: "alert", hidden: true });
  const files = h("div", { class: "row" }, FILES.map(([format, name]) => {
    const button = h("button", { type: "button", onclick: () => keep(format, name, button) }, icon("down"), h("span", null, name));
    return button;
  }));
  const node = h("section", { class: "recipe", "aria-labelledby": "recipe-title" }, h("h2", { id: "recipe-title" }, "Make it again"), h("p", { class: "quiet" }, "Link, command and Python give exactly these paths, bit for bit."), rows.map((row) => row.node), h("h3", null, "Download"), files, problem);

  async function keep(format, name, button) {
    const words = button.lastChild;
    problem.hidden = true;
    button.disabled = true;
    words.textContent = `${name} …`;
    try {
      await download(`/api/picture/${format}`, lab.body(), fileName(lab.animation.surface.name, format));
      say(`The ${name} is downloaded`);
    } catch (error) {
      problem.textContent = `${name}: ${error.message}`;
      problem.hidden = false;
    }
    words.textContent = name;
    button.disabled = false;
  }
  return { node, tell: () => rows.forEach((row) => row.tell()) };
}

function fileName(surface, format) {
  const name = /^[a-z0-9-]{1,40}$/.test(surface) ? surface : "formula";
  return `paths-${name}.${format}`;
}
