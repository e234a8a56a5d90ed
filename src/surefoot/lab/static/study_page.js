/* What a study's page shows, made of its view (study_view.py); all texts of it are anybody's and go in as text.

   patch(head, h("div", null, heading(view)));  patch(main, h("div", null, body(view, state)));
*/

import { h } from "./dom.js";
import { landscape } from "./landscape.js";
import { say } from "./narration.js";
import { code, copied, dayAndTime, plural, quoted, section } from "./parts.js";
import { curveTable, decisionTable, failureTable, lookTable, raceTable, rateTable, resultTable, runningTable } from "./study_tables.js";
import { figure } from "./svg.js";

const FEW = 12;

/** The state, and how far it is. */
export function heading(view) {
  const answer = view.answer;
  const kind = answer ? answer.verdict : "unfinished";
  const { spent, known } = share(view.budget);
  return [
    h(
      "p",
      { class: "line" },
      h("span", { class: `badge ${kind}` }, answer ? answer.heading : view.state_text),
      h("span", { class: "quiet" }, ` task ${view.task} · begun ${dayAndTime(view.created)} UTC · ${plural(view.runs.count, "run")} · ${view.budget.text}`),
    ),
    !answer && known ? h("progress", { max: 1, value: spent, "aria-label": "share of the budget spent" }) : null,
  ];
}

function share({ seconds, seconds_allowed, trainings, trainings_allowed }) {
  if (seconds_allowed) return { known: true, spent: Math.min(1, (seconds ?? 0) / seconds_allowed) };
  if (trainings_allowed) return { known: true, spent: Math.min(1, trainings / trainings_allowed) };
  return { known: false, spent: 0 };
}

/** All below it: the answer first, then what it rests on. */
export function body(view, state) {
  return [
    view.answer ? answered(view, state) : unanswered(view, state),
    view.running.count ? running(view, state) : null,
    view.results.length ? results(view, state) : null,
    view.optimizers.count ? race(view, state) : null,
    view.rungs.some((rung) => rung.drawn) ? rungs(view, state) : null,
    view.optimizers.shown.some((row) => row.curve) ? rates(view, state) : null,
    view.looks.length ? looks(view, state) : null,
    has(view, "progress") ? time(view, state) : null,
    view.decisions.count ? decisions(view, state) : null,
    view.failures.count ? failures(view, state) : null,
    section(state.open, "landscape", "The loss landscape", true, landscape(view, state.path)),
    view.facts.length ? facts(view, state) : null,
    recipe(view),
  ];
}

function has(view, name) {
  return view.figures.find((each) => each.name === name);
}

function drawn(view, state, name, ...note) {
  const found = has(view, name);
  return found ? figure(state.path, found, ...note) : null;
}

function answered(view, state) {
  const { answer } = view;
  return h(
    "section",
    { dataset: { key: "answer" }, "aria-label": "Answer" },
    h("p", { class: "headline" }, answer.headline),
    h("p", null, answer.rest),
    h("p", { class: "quiet" }, [answer.certainty, answer.pairing].filter(Boolean).join(" ")),
    h(
      "div",
      { class: "two answer" },
      h("div", null, h("h2", null, "Paste this"), code(answer.snippet, "the code of the answer"), h("h2", null, "Why"), h("ul", null, answer.why.map((reason) => h("li", null, reason)))),
      drawn(view, state, "forest", h("figcaption", null, answer.forest_note, " The table below holds its numbers.")),
    ),
  );
}

function unanswered(view) {
  const some = view.optimizers.shown.some((row) => row.leading);
  return h(
    "section",
    { dataset: { key: "answer" }, "aria-label": "State" },
    h(
      "div",
      { class: "banner" },
      h("p", { class: "headline" }, "No answer yet"),
      view.given_up ? h("p", null, view.given_up) : h("p", null, "This study is still running, or was stopped before its answer."),
      h("p", null, some ? "What was measured so far is shown below; none of it is a result." : view.failures.count ? "No run has succeeded; the messages of those that failed stand below." : "Nothing was measured yet."),
      view.command ? [h("p", null, "If it no longer runs, the same command takes it up again:"), code(view.command, "the command that goes on")] : null,
    ),
  );
}

function running(view, { open }) {
  return section(open, "running", `Training now: ${plural(view.running.count, "run")}`, true, runningTable(view), cut(view.running));
}

function results(view, { open }) {
  return section(open, "results", "Results on fresh seeds", true, resultTable(view), h("p", { class: "quiet" }, "The estimate takes back the luck of whoever was picked for leading; lower is better."));
}

function race(view, state) {
  const out = view.ruled_out.length ? h("p", { class: "quiet" }, "Never raced: ", view.ruled_out.map((each) => each.text).join(" ")) : null;
  return section(
    state.open, "race", view.answer ? "The race as it happened" : "The race so far", true,
    h("p", { class: "quiet" }, "How many candidates of each optimizer were measured at each rung, and how many of them further on; ✕ where none was. What leads is not a result."),
    raceTable(view, state), cut(view.optimizers), out,
  );
}

function rungs(view, state) {
  return section(
    state.open, "rungs", "Rung by rung", true,
    h("p", { class: "quiet" }, "Candidates within the shaded band could go on (markers); crosses were stopped."),
    h("div", { class: "panels large" }, view.rungs.map((rung) => drawn(view, state, `rung-${rung.place}`, h("figcaption", null, h("strong", null, `${rung.at} of the training: `), rung.text)))),
  );
}

function rates(view, state) {
  const panels = view.optimizers.shown.filter((row) => row.curve).map((row) =>
    drawn(
      view, state, `rates-${row.rates}`,
      h("figcaption", null, row.curve.text, row.curve.diverged_count ? ` Diverged: lr ${row.curve.diverged_text}.` : ""),
      row.curve.lines.length ? h("details", { class: "numbers" }, h("summary", null, `${row.name} in numbers`), rateTable(row)) : null,
    ),
  );
  return section(
    state.open, "rates", "Learning rates", true,
    h("p", { class: "quiet" }, "Screening values against the learning rate, a line per rung: the later, the stronger and lower. Shaded: the flat window. Crosses: diverged."),
    h("div", { class: "panels" }, panels),
  );
}

function looks(view, state) {
  return section(
    state.open, "looks", "Look by look", true,
    h("p", { class: "quiet" }, "How far each rival was behind the candidate that led at the time; above zero it is worse. Grey: the margin within which a difference counts as none."),
    drawn(view, state, "looks"), lookTable(view),
  );
}

function time(view, state) {
  return section(
    state.open, "time", "Steps and time", true,
    h("p", { class: "quiet" }, "Strong lines: the mean over seeds of what was confirmed; faint lines: single seeds; grey: the best screening run of every other optimizer."),
    h("div", { class: "panels large" }, ["progress", "seconds", "cost"].map((name) => drawn(view, state, name))),
    view.curves.length ? curveTable(view) : null,
  );
}

function decisions(view, state) {
  const kinds = Object.entries(view.decisions.kinds).map(([kind, count]) => `${count.toLocaleString("en")} ${kind.replaceAll("_", " ")}`);
  const find = h("input", { type: "search", id: "find-decision", value: state.find, autocomplete: "off", spellcheck: "false", oninput: (event) => state.set("find", event.target.value) });
  return section(
    state.open, "decisions", `Decisions: ${view.decisions.count.toLocaleString("en")}`, !view.answer || view.decisions.count <= FEW,
    h("p", { class: "quiet" }, `The latest first. ${kinds.join(", ")}.`, cutWords(view.decisions)),
    h("div", { class: "field find" }, h("label", { for: "find-decision" }, "Find in these decisions"), find),
    decisionTable(view, state.find),
  );
}

function failures(view, { open }) {
  return section(open, "failures", `Runs that diverged or failed: ${view.failures.count.toLocaleString("en")}`, view.failures.count <= FEW, failureTable(view), cut(view.failures));
}

function facts(view, { open }) {
  const lists = view.facts.map(({ title, rows }) =>
    h("div", null, h("h3", null, title), h("dl", { class: "facts" }, rows.map(([name, value]) => [h("dt", null, name), h("dd", null, value)]))),
  );
  return section(open, "facts", "What was asked, of what, on what", false, h("div", { class: "columns" }, lists));
}

function cut(list) {
  const words = cutWords(list);
  return words ? h("p", { class: "quiet" }, words.trim()) : null;
}

function cutWords({ count, shown }) {
  return count > shown.length ? ` Shown: ${shown.length} of ${count.toLocaleString("en")}; the report has all.` : "";
}

/* The same study elsewhere: link, command line, Python, files. */
function recipe({ name, command, state }) {
  const path = `/api/studies/${encodeURIComponent(name)}`;
  const file = name.replace(/[^\w.-]+/g, "-").replace(/^[-.]+/, "") || "study";
  const lines = [`surefoot report ${quoted(name)} -o ${file}.html`, `surefoot export ${quoted(name)} -o ${file}.csv.gz`];
  if (command) lines.unshift(command);
  const python = `from surefoot.store import Store\n\nwith Store.at(".surefoot/evidence.db") as store:  # or what --store says\n    study = store.study(${JSON.stringify(name)})`;
  return h(
    "section",
    { class: "recipe", dataset: { key: "recipe" }, "aria-labelledby": "recipe-title" },
    h("h2", { id: "recipe-title" }, "Take it with you"),
    h(
      "p",
      { class: "row" },
      h("button", { type: "button", onclick: copyLink }, "Copy the link to this view"),
      h("a", { class: "button", href: `${path}/report.html`, download: `${file}.html` }, "Report (HTML)"),
      state === "finished" ? h("a", { class: "button", href: `${path}/answer.json`, download: `${file}.json` }, "Answer (JSON)") : null,
    ),
    h("div", { class: "two" }, h("div", null, h("h3", null, "On the command line"), code(lines.join("\n"), "the commands")), h("div", null, h("h3", null, "In Python"), code(python, "the Python snippet"))),
    h("p", { class: "quiet" }, "The second command writes the curve table: every run’s curve, for ", h("code", null, "surefoot replay"), " and spreadsheets."),
  );
}

async function copyLink({ currentTarget: button }) {
  const done = await copied(location.href);
  say(done ? "Link copied" : "The browser does not let the page copy: take the address from its bar");
  button.textContent = done ? "Link copied" : "Copy it from the address bar";
  setTimeout(() => (button.textContent = "Copy the link to this view"), 2500);
}
