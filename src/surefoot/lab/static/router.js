/* Addresses of the lab without reloading: the path says the room, the query all that is set in it.

   navigate("/studies/digits");  replaceQuery(new URLSearchParams({ surface: "beale" }));
   link("/studies", "Studies")   // an anchor; with Ctrl or the middle button it opens a tab as any other
*/

import { h } from "./dom.js";

const listeners = new Set();

/** Calls back after each change of room or record; gives back what ends that. */
export function onNavigate(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Goes to an address of the lab and keeps the present one in the history. */
export function navigate(href) {
  history.pushState(null, "", href);
  for (const listener of listeners) listener();
}

/** Keeps what is set in the address, without a new entry in the history; a query as text or as URLSearchParams. */
export function replaceQuery(query) {
  const text = String(query);
  history.replaceState(history.state, "", location.pathname + (text ? `?${text}` : "") + location.hash);
}

/** An anchor within the lab. */
export function link(href, ...children) {
  const anchor = h("a", { href }, ...children);
  inside(anchor);
  return anchor;
}

/** Lets an anchor that exists already change the room without a reload. */
export function inside(anchor) {
  anchor.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    navigate(anchor.getAttribute("href"));
  });
}

addEventListener("popstate", () => {
  for (const listener of listeners) listener();
});
