/* Sentences of an animation, as the command line and the reports write them.

   outcome(animation, 200)                // "Adam is lowest: 0.0031 above the floor. SGD diverged after 14."
*/

import { number, rounded, setting } from "./format.js";
import { heightAbove, indexAt } from "./animation.js";

const COUNTS = ["No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve"];

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
  if (!(strip.decades > 0)) return `works at ${rounded(strip.best)} alone`;
  const decades = strip.decades.toFixed(1);
  return `works from ${rounded(strip.low)} to ${rounded(strip.high)}: ${decades} ${decades === "1.0" ? "decade" : "decades"}`;
}

function listed(parts) {
  return parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}
