/* The tables of a study's page; every number stands as the API words it.

   raceTable(view, state)   // who is racing, who fell and why
*/

import { h } from "./dom.js";
import { cell, table } from "./parts.js";

const MARKS = { confirmed: "●", finalist: "◆", racing: "▶", out: "✕", lost: "✕" };
const SORTS = {
  place: () => 0,
  name: (a, b) => a.name.localeCompare(b.name),
  leading: (a, b) => order(a) - order(b) || (a.leading?.value ?? Infinity) - (b.leading?.value ?? Infinity),
};

function order(row) {
  return row.leading ? -row.leading.progress : 1;
}

/** The confirmed candidates, the floor last. */
export function resultTable(view) {
  const missed = view.results.some((row) => row.misses);
  const columns = [
    { text: "candidate" },
    { text: `${view.compared_by}, mean ± sd`, numeric: true },
    { text: "estimate", numeric: true },
    { text: "95 % interval", numeric: true },
    { text: "seeds", numeric: true },
    { text: "diverged", numeric: true },
    ...(missed ? [{ text: "missed", numeric: true }] : []),
    { text: "each step", numeric: true },
    { text: "state", numeric: true },
    { text: "each seed" },
  ];
  const rows = view.results.map((row, i) => [
    `${i}-${row.label}`,
    row.role,
    [
      cell("name", row.label, row.role ? h("span", { class: "quiet" }, ` (${row.role})`) : ""),
      row.text.value, row.text.estimate, row.text.interval, row.seeds, row.diverged,
      ...(missed ? [row.misses] : []),
      row.text.seconds_per_step, row.text.state_bytes, cell("quiet values", row.text.values),
    ].map(asText),
  ]);
  return table("Results on fresh seeds", columns, rows, "results");
}

/** Who is racing, how far each came, who fell and why. */
export function raceTable(view, state) {
  const sort = state.sort in SORTS ? state.sort : "place";
  const rows = [...view.optimizers.shown].sort(SORTS[sort]);
  const sorting = (name) => ({ sort: name, sorted: sort === name ? "ascending" : null, onsort: () => state.set("sort", name === "place" ? "" : name) });
  const columns = [
    { text: "optimizer", ...sorting("name") },
    { text: "standing", ...sorting("place") },
    ...view.columns.map((column) => ({ text: column.text })),
    { text: "play-off" },
    { text: "confirmed" },
    { text: view.answer ? "best in the race" : "leading so far", ...sorting("leading") },
    { text: "what stopped its best" },
  ];
  return table("The race: candidates of each optimizer measured at each rung", columns, rows.map(raceRow), "race");
}

function raceRow(row) {
  const seeds = (count, text) => cell(count ? "stage" : "stage none", text);
  return [
    row.optimizer,
    `is-${row.standing}`,
    [
      cell("name", row.name, row.diverged ? h("span", { class: "quiet" }, ` ${row.diverged} diverged`) : ""),
      cell(`standing is-${row.standing}`, h("span", { "aria-hidden": "true" }, `${MARKS[row.standing]} `), row.standing_text),
      ...row.stages.map((stage) => cell(stage.measured ? `stage bar w${5 * Math.ceil(stage.share / 5)}` : "stage none", stage.text)),
      seeds(row.playoff_seeds, row.playoff),
      seeds(row.confirmed_seeds, row.confirmed),
      cell("leading", row.leading?.text ?? "–"),
      cell("words", row.ended),
    ],
  ];
}

/** What is trained at this moment. */
export function runningTable(view) {
  const columns = [{ text: "candidate" }, { text: "phase" }, { text: "seed", numeric: true }, { text: "has come to" }];
  const rows = view.running.shown.map((run, i) => [`${run.label}-${run.phase}-${run.seed}-${i}`, "", [cell("name", run.label), run.phase, String(run.seed), run.at]]);
  return table("Runs that train now", columns, rows, "running");
}

/** The best value at each learning rate, rung by rung. */
export function rateTable(row) {
  const { lines } = row.curve;
  const rates = new Map(lines.flatMap((line) => line.best.map((best) => [best.lr, best.text[0]])));
  const values = lines.map((line) => new Map(line.best.map((best) => [best.lr, best.text[1]])));
  const columns = [{ text: "lr" }, ...lines.map((line) => ({ text: line.at, numeric: true }))];
  const rows = [...rates].sort(([a], [b]) => a - b).map(([rate, text]) => [String(rate), "", [text, ...values.map((own) => own.get(rate) ?? "–")]]);
  return table(`${row.name}: best value at each learning rate, by share of the training`, columns, rows);
}

/** What each look at the confirmation said. */
export function lookTable(view) {
  const columns = [{ text: "seeds" }, { text: "leads" }, { text: "rival" }, { text: "behind (interval)", numeric: true }, { text: "so" }];
  const rows = view.looks.flatMap((look, place) =>
    look.rivals.map((rival) => [`${place}-${rival.label}`, "", [String(look.seeds), cell("name", look.leader), cell("name", rival.label), rival.text, rival.decision]]),
  );
  return table("Confirmation, look by look", columns, rows, "looks");
}

/** The mean learning curves of what was confirmed. */
export function curveTable(view) {
  const marks = new Map(view.curves.flatMap((curve) => curve.points.map((point) => [point.progress, point.at])));
  const shown = [...marks].sort(([a], [b]) => a - b);
  const columns = [{ text: "mean over seeds" }, { text: "seeds", numeric: true }, ...shown.map(([, at]) => ({ text: at, numeric: true }))];
  const rows = view.curves.map((curve, i) => {
    const own = new Map(curve.points.map((point) => [point.progress, point.text]));
    return [`${i}-${curve.label}`, "", [cell("name", curve.label), String(curve.seeds), ...shown.map(([progress]) => own.get(progress) ?? "–")]];
  });
  return table(`Mean ${view.measure} by share of the full training`, columns, rows, "curves");
}

/** What was decided, and why, the latest first. */
export function decisionTable(view, find) {
  const words = find.toLowerCase().split(/\s+/).filter(Boolean);
  const found = view.decisions.shown.filter((one) => words.every((word) => `${one.kind} ${one.text}`.toLowerCase().includes(word)));
  const columns = [{ text: "after", numeric: true }, { text: "kind" }, { text: "decision" }];
  const rows = found.map((one) => [String(one.number), one.kind === "eliminated" ? "gone" : "", [one.after, one.kind, one.text]]);
  const made = table("Decisions, the latest first", columns, rows, "decisions");
  made.classList.add("log");
  return made;
}

/** The runs without a result, with what they said. */
export function failureTable(view) {
  const columns = [{ text: "candidate" }, { text: "phase" }, { text: "seed", numeric: true }, { text: "outcome" }, { text: "came to" }, { text: "message" }];
  const rows = view.failures.shown.map((run) => [
    `${run.label}-${run.phase}-${run.seed}`, "", [cell("name", run.label), run.phase, String(run.seed), run.outcome, run.at, cell("message", run.message)],
  ]);
  return table("Runs that diverged or failed", columns, rows, "failures");
}

function asText(value) {
  return typeof value === "number" ? String(value) : value;
}
