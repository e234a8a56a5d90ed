/* The lab's shell: picks the room by the address, and tells when the lab has stopped. */

import { connection } from "./api.js";
import { clear, h } from "./dom.js";
import { inside, onNavigate } from "./router.js";

const ROOMS = {
  playground: { title: "Playground", load: () => import("./playground.js") },
  studies: { title: "Studies", load: () => import("./studies.js") },
  optimizers: { title: "Optimizers", load: () => import("./optimizers.js") },
};

const root = document.getElementById("room");
const stopped = document.getElementById("stopped");
let cleanup = () => {};
let visit = 0;

async function enter({ focus }) {
  const [name = "playground", ...parts] = location.pathname.split("/").filter(Boolean).map(decoded);
  const room = ROOMS[name];
  const mine = ++visit;
  leave();
  clear(root);
  root.className = `room ${room ? name : ""}`;
  mark(name);
  document.title = `${room ? room.title : "Not found"} – Surefoot lab`;
  if (!room) root.append(h("h1", { tabindex: "-1" }, "There is no such page"), h("p", null, "The rooms stand above."));
  else await furnish(room, parts, mine);
  if (focus && mine === visit) focusHeading();
}

async function furnish(room, parts, mine) {
  try {
    const found = await room.load();
    if (mine !== visit) return;
    const left = await found.show(root, { parts, query: new URLSearchParams(location.search) });
    if (mine === visit) cleanup = left ?? (() => {});
    else left?.();
  } catch (error) {
    if (mine !== visit) return;
    console.error(error);
    clear(root).append(
      h("h1", { tabindex: "-1" }, room.title),
      h("p", { class: "error", role: "alert" }, error.message),
      h("p", null, h("button", { type: "button", onclick: () => enter({ focus: true }) }, "Try again")),
    );
  }
}

function leave() {
  cleanup();
  cleanup = () => {};
}

function mark(name) {
  for (const anchor of document.querySelectorAll("[data-room]")) {
    if (anchor.dataset.room === name) anchor.setAttribute("aria-current", "page");
    else anchor.removeAttribute("aria-current");
  }
}

function focusHeading() {
  scrollTo(0, 0);
  const heading = root.querySelector("h1") ?? root;
  if (!heading.hasAttribute("tabindex")) heading.setAttribute("tabindex", "-1");
  heading.focus({ preventScroll: true });
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

connection.addEventListener("lost", () => {
  stopped.textContent = "The lab has stopped or cannot be reached. Start it again with: surefoot lab. This page then goes on by itself.";
  stopped.hidden = false;
});
connection.addEventListener("back", () => (stopped.hidden = true));

for (const anchor of document.querySelectorAll("header.top a")) inside(anchor);
document.querySelector("a.skip").addEventListener("click", (event) => {
  event.preventDefault();
  root.focus();
});
onNavigate(() => enter({ focus: true }));
enter({ focus: false });
