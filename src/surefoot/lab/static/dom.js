/* Elements without innerHTML: text goes in as text, whatever it holds.

   h("button", { class: "primary", onclick: play, "aria-pressed": "true" }, "Play")
   h("p", null, "Adam ", h("b", null, "won"))
*/

const SVG = "http://www.w3.org/2000/svg";

/** An element; attributes that are null or false are left out, functions under on… become listeners. */
export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for an element of an SVG. */
export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** Takes all children out; gives the element back. */
export function clear(node) {
  node.replaceChildren();
  return node;
}

/** A number that tells elements of one page apart, for ids. */
let made = 0;
export function fresh(prefix) {
  made += 1;
  return `${prefix}-${made}`;
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on") && typeof value === "function") node.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(node.dataset, value);
    else if (name === "style") throw new Error("the page allows no style attributes: use a class");
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}
