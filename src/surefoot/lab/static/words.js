/* Numbers and sentences, as the command line and the reports write them.

   number(0.0312)                    // "0.0312", as surefoot.study.format.number
   outcome(animation, 200)                // "Adam is lowest: 0.0031 above the floor. SGD diverged after 14."
*/

import { heightAbove, indexAt } from "./animation.js";

const DIGITS = 3;
const COUNTS = ["No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve"];

/** Three significant digits; "–" where there is no number. */
export function number(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e5) return size >= 100 ? String(whole(value)) : rounded(value, DIGITS, false);
  const [mantissa, exponent] = rounded(value, DIGITS, true).split("e");
  return `${mantissa.includes(".") ? mantissa.replace(/\.?0+$/, "") : mantissa}e${Number(exponent)}`;
}

/** A setting's value, no longer than needed: 0.003, 3e-4, (0.9, 0.999), True, None. */
export function setting(value) {
  if (Array.isArray(value)) return `(${value.map(setting).join(", ")})`;
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "number") return String(value);
  const size = Math.abs(value);
  if (value && (size < 1e-3 || size >= 100)) return number(value);
  return String(Number(rounded(value, size > 0.9 && size < 1 ? 6 : DIGITS, true)));
}

/** "Adam", or of several Adams each with what tells it from the others. */
export function pathNames(paths) {
  return paths.map((path, i) => {
    const others = paths.filter((other, k) => k !== i && other.optimizer === path.optimizer);
    if (!others.length) return path.optimizer;
    const differs = (name) => others.some((other) => setting(other.hyperparameters[name]) !== setting(path.hyperparameters[name]));
    const all = new Set([path, ...others].flatMap((each) => Object.keys(each.hyperparameters)));
    const telling = [...all].filter(differs);
    const enough = telling.some((name) => name !== "lr") ? telling.filter((name) => name !== "lr") : telling; // a tuned rate only adds noise
    const own = enough.filter((name) => name in path.hyperparameters).map((name) => [name, path.hyperparameters[name]]);
    const told = own.map(([name, value]) => `${name}=${setting(value)}`).join(" ");
    if (!told && enough.length) return path.optimizer;
    return told ? `${path.optimizer} ${told}` : `${path.optimizer} (${1 + paths.slice(0, i).filter((other) => other.optimizer === path.optimizer).length})`;
  });
}

/** Every setting that an optimizer was given, the learning rate first. */
export function settings(path) {
  const entries = Object.entries(path.hyperparameters).sort(([a], [b]) => (b === "lr") - (a === "lr"));
  return entries.map(([name, value]) => `${name}=${setting(value)}`).join(" ") || "as it comes";
}

/** How the learning rates of an animation came about, in a sentence. */
export function fairness(animation, asked = []) {
  const byHand = asked.filter((spec) => Object.keys(spec.hyperparameters).length).map((spec) => `${spec.optimizer} ${settings(spec)}`);
  const free = asked.filter((spec, i) => spec.hyperparameters.lr === undefined && animation.paths[i]?.hyperparameters.lr !== undefined);
  if (asked.length && !free.length) return `Learning rates are set by hand: ${listed(byHand)}.`;
  return `${rates(animation)}${byHand.length ? `; set by hand: ${listed(byHand)}` : ""}.`;
}

function rates(animation) {
  const own = animation.paths.length > 1 ? "Each" : "It";
  if (animation.tuning === "tuned") return `${own} has the best of 25 learning rates, tried from this start and seven near it`;
  if (animation.tuning === "same-lr") return `All have the same learning rate, which suits some more than others`;
  return `Learning rates are the library’s defaults, made for networks rather than for this surface`;
}

/** "Four optimizers, one start: Beale". */
export function headline(animation) {
  const count = animation.paths.length;
  return `${COUNTS[count] ?? count} ${count === 1 ? "optimizer" : "optimizers"}, one start: ${surfaceName(animation.surface)}`;
}

/** "Six hump camel"; a formula of one's own is told by itself, cut where it is long. */
export function surfaceName({ name, formula }) {
  if (name === formula) return name.length > 60 ? `${name.slice(0, 59)}…` : name;
  return name[0].toUpperCase() + name.slice(1).replaceAll("-", " ");
}

/** Who is lowest at a frame, in a few words. */
export function leader(animation, frame) {
  const heights = animation.paths.map((path) => {
    const index = indexAt(path, frame);
    return path.end && index === path.evaluations.length - 1 ? null : heightAbove(animation, path.values[index]);
  });
  const lowest = Math.min(...heights.filter((height) => height !== null));
  return frame < 1 || !Number.isFinite(lowest) ? "Everybody starts." : `${pathNames(animation.paths)[heights.indexOf(lowest)]} is lowest.`;
}

/** Who stands where at a frame, in words. */
export function outcome(animation, frame) {
  const names = pathNames(animation.paths);
  const rows = animation.paths.map((path, i) => {
    const index = indexAt(path, frame);
    const ended = index === path.evaluations.length - 1 ? path.end : "";
    return { name: names[i], height: heightAbove(animation, path.values[index]), ended, after: path.evaluations[index] };
  });
  if (frame < 1) return `Everybody starts ${number(heightAbove(animation, animation.paths[0].values[0]))} above the floor.`;
  const standing = rows.filter((row) => !row.ended && row.height !== null).sort((a, b) => a.height - b.height);
  const sentences = [];
  if (standing.length) {
    const [best, ...rest] = standing;
    const others = rest.map((row) => `${row.name} at ${number(row.height)}`);
    const among = standing.length > 1 ? "is lowest, " : "is ";
    sentences.push(`After ${Math.round(frame)} gradients ${best.name} ${among}${number(best.height)} above the floor${others.length ? `; ${listed(others)}` : ""}.`);
  }
  for (const row of rows.filter((row) => row.ended)) sentences.push(`${row.name} ${row.ended.split(":")[0]} after ${row.after}.`);
  return sentences.join(" ");
}

/** The working width of a learning-rate strip, in words. */
export function width(strip) {
  if (!(strip.decades > 0)) return `works at ${short(strip.best)} alone`;
  const decades = strip.decades.toFixed(1);
  return `works from ${short(strip.low)} to ${short(strip.high)}: ${decades} ${decades === "1.0" ? "decade" : "decades"}`;
}

/** Two digits: no more of a learning rate matters. */
export function short(value) {
  return setting(Number(value.toPrecision(2)));
}

function listed(parts) {
  return parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}

/* As Python rounds: of two equally near numbers the even one, where JavaScript takes the larger. */
function whole(value) {
  const below = Math.floor(value);
  return value - below === 0.5 ? below + Math.abs(below % 2) : Math.round(value);
}

function rounded(value, digits, exponential) {
  const exact = Math.abs(value).toExponential(60).split("e")[0].replace(".", "");
  const isTie = /^50*$/.test(exact.slice(digits)) && Number(exact[digits - 1]) % 2 === 0;
  const nudged = isTie ? value * (1 - 1e-12) : value;
  return exponential ? nudged.toExponential(digits - 1) : nudged.toPrecision(digits);
}
