/* One study, live: asks again every two seconds until there is an answer, and changes only what has changed.

   return showStudy(root, "digits-1f2e3d4c", query);   // gives the cleanup

   What is shown is the server's HTML, the same sections as in the report; here it is sorted, searched and opened
   as the address says (?sort=leading&find=Adam&open=race,rates). */

import { ApiError, connection, getText } from "./api.js";
import { h } from "./dom.js";
import { say } from "./narration.js";
import { ago, copied, copyBeside, loading } from "./parts.js";
import { patch } from "./patch.js";
import { link, replaceQuery } from "./router.js";
import { Figures } from "./svg.js";

const EVERY = 2000; // milliseconds between two looks at a study that goes on
const PATIENCE = 3; // a large study is asked for so many times more rarely than its page takes to make
const QUIET = 10_000; // milliseconds between two announcements of new decisions
const USUAL = "place"; // the order of the race's table by itself

/** Shows a study; throws where there is none. */
export async function showStudy(root, name, query) {
  const study = new LiveStudy(root, name, query);
  await study.begin();
  return () => study.end();
}

class LiveStudy {
  constructor(root, name, query) {
    const path = `/api/studies/${encodeURIComponent(name)}/page.html`;
    Object.assign(this, { root, name, path, query, text: "", told: null, trouble: "", timer: 0, updated: 0, changed: 0, announced: 0 });
    this.stopping = new AbortController();
    this.main = h("div");
    this.figures = new Figures(this.main);
  }

  async begin() {
    this.take(await loading(this.root, getText(this.path, { signal: this.stopping.signal })));
    document.title = `${this.name} – Surefoot lab`;
    this.root.append(h("p", { class: "quiet crumbs" }, link("/studies", "Studies"), " › ", this.name), this.main);
    this.draw();
    const here = { signal: this.stopping.signal };
    this.main.addEventListener("click", (event) => this.clicked(event.target.closest("button")), here);
    this.main.addEventListener("input", ({ target }) => target.id === "find-decision" && this.set("find", target.value), here);
    this.main.addEventListener("toggle", ({ target }) => target.matches(".section") && this.toggled(), { ...here, capture: true });
    document.addEventListener("visibilitychange", () => document.hidden || this.soon(0), here);
    connection.addEventListener("back", () => this.soon(0), here);
    this.clock = setInterval(() => this.tell(), 1000);
    this.soon(EVERY);
  }

  end() {
    this.stopping.abort();
    clearTimeout(this.timer);
    clearInterval(this.clock);
    this.figures.end();
  }

  /** Asks again after so many milliseconds; never once there is an answer. */
  soon(milliseconds) {
    clearTimeout(this.timer);
    if (!this.told.finished && !this.stopping.signal.aborted) this.timer = setTimeout(() => this.ask(), milliseconds);
  }

  async ask() {
    if (document.hidden) return; // asked again when it is seen
    const began = performance.now();
    try {
      const text = await getText(this.path, { signal: this.stopping.signal });
      this.trouble = "";
      if (this.take(text)) this.draw();
    } catch (error) {
      if (error.name === "AbortError") return;
      this.trouble = error instanceof ApiError && error.status ? error.message : "the lab does not answer";
    }
    this.tell();
    this.soon(Math.max(EVERY, PATIENCE * (performance.now() - began)));
  }

  /** Takes a page in; whether it is another than before. */
  take(text) {
    this.updated = Date.now();
    if (text === this.text) return false;
    const before = this.told;
    this.text = text;
    this.told = { ...this.wanted().dataset };
    if (before) {
      this.changed = Date.now();
      this.announce(before);
    }
    return true;
  }

  /** The page as the server has it: a document of its own, in which nothing runs or loads. */
  wanted() {
    return new DOMParser().parseFromString(this.text, "text/html").querySelector(".study");
  }

  /** Says what is new, but not more often than one can listen to. */
  announce(before) {
    const { finished, decisions, newest } = this.told;
    if (finished && !before.finished) {
      const [verdict, headline] = [".badge", "h1"].map((part) => this.wanted().querySelector(part).textContent);
      say(`The study has an answer. ${verdict}: ${headline}`);
      return;
    }
    const fresh = decisions - before.decisions;
    if (fresh <= 0 || Date.now() - this.announced < QUIET) return;
    this.announced = Date.now();
    say(`${fresh} new ${fresh === 1 ? "decision" : "decisions"}. ${newest}`);
  }

  draw() {
    const page = this.wanted();
    page.querySelector("h1").tabIndex = -1;
    open(page, this.query.get("open"));
    sort(page, this.query.get("sort"));
    find(page, this.query.get("find") ?? "");
    const wanted = h("div");
    wanted.append(page);
    patch(this.main, wanted);
    this.figures.look();
    this.tell();
  }

  clicked(button) {
    if (!button) return;
    if (button.matches(".copy")) copyBeside(button);
    else if (button.matches(".copy-link")) copyLink(button);
    else if (button.matches(".sort")) this.sortBy(button.closest("th").dataset.sort);
  }

  sortBy(column) {
    this.set("sort", column === USUAL ? "" : column);
  }

  /** Keeps a choice in the address, and draws by it. */
  set(name, value) {
    if (value) this.query.set(name, value);
    else this.query.delete(name);
    replaceQuery(this.query);
    this.draw();
  }

  /** Keeps in the address which sections are open, unless all are as usual. */
  toggled() {
    const all = [...this.main.querySelectorAll("details.section")];
    if (all.every((each) => each.open === (each.dataset.usual === "yes"))) this.query.delete("open");
    else this.query.set("open", all.filter((each) => each.open).map((each) => each.dataset.key).join(","));
    replaceQuery(this.query);
  }

  /** How old what is shown is. */
  tell() {
    const now = Date.now();
    const updated = `Updated ${ago(now - this.updated)}`;
    const decided = Date.parse(this.told.decided) || 0;
    const age = this.main.querySelector(".age");
    if (this.told.finished) age.textContent = "Finished: this page no longer asks for news.";
    else if (this.trouble) age.textContent = `${updated}; ${this.trouble}. Trying again.`;
    else age.textContent = `${updated}; the study last changed ${ago(now - Math.max(this.changed, decided))}.`;
  }
}

function open(page, asked) {
  const wanted = asked === null ? null : new Set(asked.split(","));
  for (const each of page.querySelectorAll("details.section")) {
    each.dataset.usual = each.open ? "yes" : "";
    if (wanted) each.open = wanted.has(each.dataset.key);
  }
}

function sort(page, asked) {
  const table = page.querySelector("table.race");
  if (!table) return;
  const head = table.querySelector(`th[data-sort="${CSS.escape(asked ?? "")}"]`) ?? table.querySelector(`th[data-sort=${USUAL}]`);
  const by = head.dataset.sort;
  head.setAttribute("aria-sort", "ascending");
  head.querySelector("[aria-hidden]").textContent = "▲";
  const rows = [...table.tBodies[0].rows];
  table.tBodies[0].append(...rows.sort((a, b) => a.dataset[by].localeCompare(b.dataset[by], "en", { numeric: true })));
}

function find(page, asked) {
  const field = page.querySelector("#find-decision");
  if (!field) return;
  field.setAttribute("value", asked);
  const words = asked.toLowerCase().split(/\s+/).filter(Boolean);
  for (const row of page.querySelectorAll("table.decisions tbody tr")) {
    const text = [...row.cells].slice(1).map((cell) => cell.textContent).join(" ").toLowerCase();
    row.hidden = !words.every((word) => text.includes(word));
  }
}

async function copyLink(button) {
  const done = await copied(location.href);
  const usual = button.textContent;
  say(done ? "Link copied" : "The browser does not let the page copy: take the address from its bar");
  button.textContent = done ? "Link copied" : "Copy it from the address bar";
  setTimeout(() => (button.textContent = usual), 2500);
}
