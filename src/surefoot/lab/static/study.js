/* One study, live: asks again every two seconds until there is an answer, and changes only what has changed.

   return showStudy(root, "digits-1f2e3d4c", query);   // gives the cleanup
*/

import { ApiError, connection, get } from "./api.js";
import { h } from "./dom.js";
import { say } from "./narration.js";
import { ago, loading, openSections } from "./parts.js";
import { patch } from "./patch.js";
import { link, replaceQuery } from "./router.js";
import { body, heading } from "./study_page.js";
import { Figures } from "./svg.js";

const EVERY = 2000; // milliseconds between two looks at a study that goes on
const PATIENCE = 3; // a large study is asked for so many times more rarely than its view takes to make
const QUIET = 10_000; // milliseconds between two announcements of new decisions

/** Shows a study; throws where there is none. */
export async function showStudy(root, name, query) {
  const path = `/api/studies/${encodeURIComponent(name)}`;
  const study = new LiveStudy(root, name, path, query);
  await study.begin();
  return () => study.end();
}

class LiveStudy {
  constructor(root, name, path, query) {
    Object.assign(this, { root, name, path, query, view: null, text: "", trouble: "", timer: 0, updated: 0, changed: 0, announced: 0 });
    this.stopping = new AbortController();
    this.head = h("div", { class: "study-head" });
    this.age = h("span", { class: "age" });
    this.main = h("div", { class: "study" });
    this.open = openSections(root, query, () => this.keep());
    this.figures = new Figures(root);
  }

  async begin() {
    this.take(await loading(this.root, get(this.path, { signal: this.stopping.signal })));
    document.title = `${this.name} – Surefoot lab`;
    this.root.append(
      h("p", { class: "quiet crumbs" }, link("/studies", "Studies"), " › ", this.name),
      h("h1", { tabindex: "-1" }, this.name),
      this.head,
      h("p", { class: "quiet" }, this.age),
      this.main,
    );
    this.draw();
    const here = { signal: this.stopping.signal };
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
    if (this.view.state !== "finished" && !this.stopping.signal.aborted) this.timer = setTimeout(() => this.ask(), milliseconds);
  }

  async ask() {
    if (document.hidden) return; // asked again when it is seen
    const began = performance.now();
    try {
      const view = await get(this.path, { signal: this.stopping.signal });
      this.trouble = "";
      if (this.take(view)) this.draw();
    } catch (error) {
      if (error.name === "AbortError") return;
      this.trouble = error instanceof ApiError && error.status ? error.message : "the lab does not answer";
    }
    this.tell();
    this.soon(Math.max(EVERY, PATIENCE * (performance.now() - began)));
  }

  /** Takes a view in; whether it is another than before. */
  take(view) {
    this.updated = Date.now();
    const text = JSON.stringify(view);
    if (text === this.text) return false;
    const before = this.view;
    Object.assign(this, { view, text, changed: Date.now() });
    if (!before) this.changed = 0; // nobody knows how long it has been so
    else this.announce(before, view);
    return true;
  }

  /** Says what is new, but not more often than one can listen to. */
  announce(before, view) {
    if (before.state !== "finished" && view.state === "finished") {
      say(`The study has an answer. ${view.answer.heading}: ${view.answer.headline}`);
      return;
    }
    const fresh = view.decisions.count - before.decisions.count;
    if (fresh <= 0 || Date.now() - this.announced < QUIET) return;
    this.announced = Date.now();
    say(`${fresh} new ${fresh === 1 ? "decision" : "decisions"}. ${view.decisions.shown[0].text}`);
  }

  draw() {
    const state = {
      path: this.path,
      open: this.open,
      sort: this.query.get("sort") ?? "",
      find: this.query.get("find") ?? "",
      set: (name, value) => this.set(name, value),
    };
    patch(this.head, h("div", { class: "study-head" }, heading(this.view)));
    patch(this.main, h("div", { class: "study" }, body(this.view, state)));
    this.figures.look();
    this.tell();
  }

  /** Keeps a choice in the address, and draws by it. */
  set(name, value) {
    if (value) this.query.set(name, value);
    else this.query.delete(name);
    this.keep();
    this.draw();
  }

  keep() {
    replaceQuery(this.query);
  }

  /** How old what is shown is. */
  tell() {
    const now = Date.now();
    if (this.view.state === "finished") this.age.textContent = "Finished: this page no longer asks for news.";
    else if (this.trouble) this.age.textContent = `Updated ${ago(now - this.updated)}; ${this.trouble}. Trying again.`;
    else this.age.textContent = `Updated ${ago(now - this.updated)}; the study last changed ${this.lastChange(now)}.`;
  }

  /** By its last decision, or by when this page saw it change. */
  lastChange(now) {
    const decided = Date.parse(this.view.latest?.at ?? this.view.created);
    return ago(now - Math.max(this.changed, Number.isFinite(decided) ? decided : 0));
  }
}
