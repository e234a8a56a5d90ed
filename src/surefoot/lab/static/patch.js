/* Makes what is on the page equal to what is wanted, and leaves alone all that is equal already.

   patch(section, h("section", null, table(view)));

   So a page that is drawn anew every two seconds keeps its scroll, its focus, what is selected in it and which
   details are open.  Children with a data-key are known by it wherever they move; the others by their place.
   What has data-keep holds children that somebody else put there.  Listeners stay those of the first element:
   they must read what they need when they are called. */

/** Settled by whoever looks at the page. */
const OWN = { DETAILS: ["open"], INPUT: ["value", "checked"], SELECT: ["value"] };

/** Brings an element to what is wanted; both are of one tag. */
export function patch(live, wanted) {
  const focused = document.activeElement;
  bring(live, wanted);
  if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
}

function bring(live, wanted) {
  attributes(live, wanted);
  if (!("keep" in wanted.dataset)) children(live, wanted);
}

function attributes(live, wanted) {
  const own = OWN[live.tagName] ?? [];
  for (const { name, value } of wanted.attributes) {
    if (!own.includes(name) && live.getAttribute(name) !== value) live.setAttribute(name, value);
  }
  for (const name of live.getAttributeNames()) {
    const ours = name === "style" || name === "data-drawn"; // set through the CSSOM, and by who keeps it
    if (!ours && !own.includes(name) && !wanted.hasAttribute(name)) live.removeAttribute(name);
  }
}

function children(live, wanted) {
  const wants = [...wanted.childNodes];
  const keys = new Set(wants.map(keyOf));
  const known = new Map();
  for (const child of [...live.childNodes]) {
    const key = keyOf(child);
    if (key === undefined) continue;
    if (keys.has(key)) known.set(key, child);
    else child.remove(); // first, so that what stays need not be moved around it
  }
  let at = live.firstChild;
  for (const want of wants) {
    const key = keyOf(want);
    const match = key === undefined ? unkeyed(at) : known.get(key);
    if (!match || !alike(match, want)) {
      live.insertBefore(want, at);
      continue;
    }
    if (match === at) at = at.nextSibling;
    else live.insertBefore(match, at);
    if (match.nodeType === Node.TEXT_NODE) {
      if (match.data !== want.data) match.data = want.data;
    } else bring(match, want);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

function unkeyed(node) {
  return node && keyOf(node) === undefined ? node : null;
}

function keyOf(node) {
  return node.dataset?.key;
}

function alike(one, other) {
  return one.nodeType === other.nodeType && one.nodeName === other.nodeName;
}
