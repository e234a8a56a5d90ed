/* Figures that the server draws: taken in as drawings only, and only while they can be seen.

   const figures = new Figures(root);       // fills every [data-figure] in root that scrolls into view
   figures.look();                          // after the page has changed; data-version says what is out of date
   figures.end();

   The server's SVG is trusted as little as any other text: what is not a known drawing element or attribute,
   and what points outside the picture, is left out. */

import { h } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";
const XLINK = "http://www.w3.org/1999/xlink";
const MOST_BYTES = 8e6;
const REST = 15_000; // milliseconds before a figure is drawn again while its data change: drawing costs the study time
const TOGETHER = 6; // the server draws figures of one sort together: asked for at once, they are of one state

const ELEMENTS = new Set(
  "svg g defs path rect circle ellipse line polyline polygon text tspan title desc use clipPath image linearGradient radialGradient stop symbol marker".split(" "),
);
const PROPERTIES = new Set(
  `fill fill-opacity fill-rule stroke stroke-width stroke-opacity stroke-linecap stroke-linejoin stroke-miterlimit stroke-dasharray
   stroke-dashoffset opacity color font font-family font-size font-style font-weight font-variant font-stretch text-anchor dominant-baseline
   clip-path clip-rule stop-color stop-opacity visibility display vector-effect shape-rendering image-rendering text-rendering
   paint-order letter-spacing white-space`.split(/\s+/),
);
const ATTRIBUTES = new Set(
  `id class viewBox width height x y x1 y1 x2 y2 cx cy r rx ry d points transform dx dy rotate textLength lengthAdjust offset
   gradientUnits gradientTransform clipPathUnits preserveAspectRatio href role aria-label aria-hidden version
   refX refY markerWidth markerHeight markerUnits orient`.split(/\s+/),
);
const INSIDE = /^#[\w.:-]+$/;
const RASTER = /^data:image\/png;base64,[A-Za-z0-9+/=\s]+$/;

/** The drawing in a text, as an element of this page without anything that is no drawing.

    Throws where the text is no SVG. */
export function drawing(text) {
  if (text.length > MOST_BYTES) throw new Error("the figure is too large to show");
  const parsed = new DOMParser().parseFromString(text, "image/svg+xml");
  const root = parsed.documentElement;
  if (parsed.querySelector("parsererror") || root.namespaceURI !== SVG || root.localName !== "svg") {
    throw new Error("the lab sent something that is no figure");
  }
  return cleaned(root);
}

/* Built anew from what is known, rather than rid of what is bad. */
function cleaned(element) {
  const made = document.createElementNS(SVG, element.localName);
  for (const { name, value, namespaceURI } of element.attributes) attribute(made, name, value, namespaceURI);
  for (const child of element.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) made.append(document.createTextNode(child.data));
    else if (child.nodeType === Node.ELEMENT_NODE && child.namespaceURI === SVG && ELEMENTS.has(child.localName)) made.append(cleaned(child));
  }
  return made;
}

function attribute(made, name, value, space) {
  if (PROPERTIES.has(name)) {
    if (harmless(value)) made.style.setProperty(name, value); // through the CSSOM: the page allows no style attributes
  } else if (name === "href" || (space === XLINK && name.endsWith("href"))) {
    const raster = made.localName === "image" && RASTER.test(value);
    if (raster || INSIDE.test(value)) made.setAttribute("href", value);
  } else if (ATTRIBUTES.has(name)) made.setAttribute(name, value);
}

function harmless(value) {
  const rest = value.replace(/url\(\s*["']?#[\w.:-]+["']?\s*\)/g, "");
  return !/url\(|image\(|image-set\(|@import|expression|\\/i.test(rest);
}

/** Fetches figures for the places that can be seen, a few of one sort at a time. */
export class Figures {
  constructor(root) {
    this.root = root;
    this.stopping = new AbortController();
    this.seen = new Set();
    this.busy = false;
    this.timer = 0;
    this.watch = new IntersectionObserver((entries) => this._scrolled(entries), { rootMargin: "300px" });
    this.watched = new WeakSet();
  }

  /** Notices new places and those whose data have changed. */
  look() {
    for (const place of this.root.querySelectorAll("[data-figure]")) {
      if (this.watched.has(place)) continue;
      this.watched.add(place);
      this.watch.observe(place);
    }
    this._next();
  }

  end() {
    this.stopping.abort();
    this.watch.disconnect();
    clearTimeout(this.timer);
  }

  _scrolled(entries) {
    for (const { target, isIntersecting } of entries) this.seen[isIntersecting ? "add" : "delete"](target);
    this._next();
  }

  async _next() {
    if (this.busy || this.stopping.signal.aborted) return;
    const all = [...this.seen].filter((one) => one.isConnected && due(one));
    if (!all.length) return this._later();
    const together = all.filter((one) => sortOf(one) === sortOf(all[0])).slice(0, TOGETHER);
    this.busy = true;
    await Promise.all(together.map((place) => fill(place, this.stopping.signal)));
    this.busy = false;
    this._next();
  }

  _later() {
    clearTimeout(this.timer);
    if ([...this.seen].some((one) => one.isConnected && stale(one))) this.timer = setTimeout(() => this._next(), REST / 4);
  }
}

function sortOf(place) {
  return place.dataset.figure.replace(/(-\d+)?\.svg$/, "");
}

function stale(place) {
  return place.dataset.drawn !== place.dataset.version;
}

function due(place) {
  return stale(place) && performance.now() - Number(place.lastDrawn ?? -Infinity) > REST;
}

async function fill(place, signal) {
  const version = place.dataset.version;
  try {
    const answer = await fetch(place.dataset.figure, { signal });
    if (!answer.ok) throw new Error(answer.status === 404 ? "There is nothing to draw yet." : "The lab could not draw this figure just now.");
    const picture = drawing(await answer.text());
    picture.setAttribute("role", "img");
    picture.setAttribute("aria-label", place.dataset.title);
    place.replaceChildren(picture);
  } catch (error) {
    if (error.name === "AbortError") return;
    if (!place.querySelector("svg")) place.replaceChildren(h("p", { class: "quiet" }, error.message));
  }
  place.dataset.drawn = version;
  place.lastDrawn = performance.now();
}
