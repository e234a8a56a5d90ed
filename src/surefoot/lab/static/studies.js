/* The Studies room: every study of the store, and one of them by its name. */

import { get } from "./api.js";
import { h } from "./dom.js";
import { ago, cell, code, dayAndTime, loading, table } from "./parts.js";
import { patch } from "./patch.js";
import { link, replaceQuery } from "./router.js";
import { showStudy } from "./study.js";

const EVERY = 5000;
const SHOWN = 500;
const VERDICTS = { win: "Win", tie: "Tie", budget: "Budget spent" };
const ORDERS = {
  begun: (a, b) => b.place - a.place,
  name: (a, b) => a.name.localeCompare(b.name),
  task: (a, b) => a.task.localeCompare(b.task) || b.place - a.place,
  runs: (a, b) => b.runs - a.runs,
};

/** Shows the list, or the study that the path names. */
export async function show(root, { parts, query }) {
  if (parts.length) return showStudy(root, parts.join("/"), query);
  return showList(root, query);
}

/** The address of a study's page. */
export function studyPath(name) {
  return `/studies/${encodeURIComponent(name)}`;
}

async function showList(root, query) {
  let { studies } = await loading(root, get("/api/studies"));
  const page = h("div");
  const list = h("div", { class: "study-list" });
  const search = h("input", { type: "search", id: "find-study", value: query.get("q") ?? "", autocomplete: "off", spellcheck: "false", oninput: () => set("q", search.value) });

  function set(name, value) {
    if (value) query.set(name, value);
    else query.delete(name);
    replaceQuery(query);
    draw();
  }
  function draw() {
    patch(list, h("div", { class: "study-list" }, studies.length ? found(studies, query, set) : nothing()));
  }
  page.append(
    h("h1", { tabindex: "-1" }, "Studies"),
    h("p", { class: "quiet" }, "What was measured, live while it runs, and kept. The newest first."),
    h("div", { class: "field find" }, h("label", { for: "find-study" }, "Find by name, task or verdict"), search),
    list,
  );
  draw();
  root.append(page);

  const stopping = new AbortController();
  const timer = setInterval(async () => {
    if (document.hidden) return;
    try {
      const next = await get("/api/studies", { signal: stopping.signal });
      if (JSON.stringify(next.studies) === JSON.stringify(studies)) return;
      studies = next.studies;
      draw();
    } catch {
      // the shell says that the lab does not answer; the list stays as it was
    }
  }, EVERY);
  return () => {
    stopping.abort();
    clearInterval(timer);
  };
}

function found(studies, query, set) {
  const words = (query.get("q") ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  const sort = query.get("sort") in ORDERS ? query.get("sort") : "begun";
  const rows = studies.map((study, place) => ({ ...study, place }));
  const matching = rows.filter((study) => words.every((word) => textOf(study).includes(word))).sort(ORDERS[sort]);
  const column = (text, name, numeric = false) => ({
    text, numeric, sort: name,
    sorted: name !== sort ? null : name === "begun" || name === "runs" ? "descending" : "ascending",
    onsort: (chosen) => set("sort", chosen === "begun" ? "" : chosen),
  });
  const columns = [column("study", "name"), column("task", "task"), column("begun (UTC)", "begun"), column("runs", "runs", true), { text: "verdict" }];
  const shown = matching.slice(0, SHOWN);
  const told = matching.length === studies.length ? `${studies.length} ${studies.length === 1 ? "study" : "studies"}` : `${matching.length} of ${studies.length} match`;
  const more = matching.length > SHOWN ? `; the first ${SHOWN} are shown` : "";
  return [
    h("p", { class: "quiet", role: "status" }, told + more),
    matching.length ? table("Studies of the store", columns, shown.map(row), "studies") : h("p", null, "No study matches. Its name, task or verdict must hold every word."),
  ];
}

function textOf(study) {
  return `${study.name} ${study.task} ${verdictOf(study)}`.toLowerCase();
}

function verdictOf({ finished, verdict }) {
  return finished ? (VERDICTS[verdict] ?? "finished") : "unfinished";
}

function row(study) {
  const kind = study.finished ? "" : "unfinished";
  const since = study.finished ? "" : ` begun ${ago(Date.now() - new Date(study.created))}`;
  return [
    study.name,
    "",
    [
      link(studyPath(study.name), study.name),
      study.task,
      dayAndTime(study.created),
      study.runs.toLocaleString("en"),
      cell("verdict", h("span", { class: `badge small ${study.verdict === "budget" ? "budget" : kind}` }, verdictOf(study)), since ? h("span", { class: "quiet" }, since) : ""),
    ],
  ];
}

function nothing() {
  return h(
    "div",
    { class: "card empty" },
    h("h2", null, "No study yet"),
    h("p", null, "A study answers which optimizer, with which settings, should train a model. This one takes about a minute, and appears here as it begins:"),
    code("surefoot choose digits --budget 1m", "the command that makes a study"),
    h("p", { class: "quiet" }, "Then with a model of your own: ", h("code", null, "surefoot choose file.py:task"), ". The lab reads the store that it was started with: ", h("code", null, "surefoot lab --store URL"), "."),
  );
}
