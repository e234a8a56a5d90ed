/* Sentences of a race, as the command line and the reports write them.

   outcome(race, 200)                // "Adam is lowest: 0.0031 above the floor. SGD diverged after 14."
*/

import { number, rounded, setting } from "./format.js";
import { heightAbove, indexAt } from "./race.js";

const COUNTS = ["No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve"];

/** "Adam", or of several Adams each with what tells it from the others. */
export function racerNames(racers) {
  return racers.map((racer, i) => {
    const others = racers.filter((other, k) => k !== i && other.optimizer === racer.optimizer);
    if (!others.length) return racer.optimizer;
    const differs = (name) => others.some((other) => setting(other.hyperparameters[name]) !== setting(racer.hyperparameters[name]));
    const all = new Set([racer, ...others].flatMap((each) => Object.keys(each.hyperparameters)));
    const telling = [...all].filter(differs);
    const enough = telling.some((name) => name !== "lr") ? telling.filter((name) => name !== "lr") : telling; // a tuned rate only adds noise
    const own = enough.filter((name) => name in racer.hyperparameters).map((name) => [name, racer.hyperparameters[name]]);
    const told = own.map(([name, value]) => `${name}=${setting(value)}`).join(" ");
    if (!told && enough.length) return racer.optimizer;
    return told ? `${racer.optimizer} ${told}` : `${racer.optimizer} (${1 + racers.slice(0, i).filter((other) => other.optimizer === racer.optimizer).length})`;
  });
}

/** Every setting that a racer was given, the learning rate first. */
export function settings(racer) {
  const entries = Object.entries(racer.hyperparameters).sort(([a], [b]) => (b === "lr") - (a === "lr"));
  return entries.map(([name, value]) => `${name}=${setting(value)}`).join(" ") || "as it comes";
}

/** How the learning rates of a race came about, in a sentence. */
export function fairness(race, asked = []) {
  const byHand = asked.filter((racer) => Object.keys(racer.hyperparameters).length).map((racer) => `${racer.optimizer} ${settings(racer)}`);
  const free = asked.filter((racer, i) => racer.hyperparameters.lr === undefined && race.racers[i]?.hyperparameters.lr !== undefined);
  if (asked.length && !free.length) return `Learning rates are set by hand: ${listed(byHand)}.`;
  return `${rates(race)}${byHand.length ? `; set by hand: ${listed(byHand)}` : ""}.`;
}

function rates(race) {
  const own = race.racers.length > 1 ? "Each" : "It";
  if (race.tuning === "tuned") return `${own} has the best of 25 learning rates, tried from this start and seven near it`;
  if (race.tuning === "same-lr") return `All have the same learning rate, which suits some more than others`;
  return `Learning rates are the library’s defaults, made for networks rather than for this surface`;
}

/** "Four optimizers, one start: Beale". */
export function headline(race) {
  const count = race.racers.length;
  return `${COUNTS[count] ?? count} ${count === 1 ? "optimizer" : "optimizers"}, one start: ${surfaceName(race.surface)}`;
}

/** "Six hump camel"; a formula of one's own is told by itself, cut where it is long. */
export function surfaceName({ name, formula }) {
  if (name === formula) return name.length > 60 ? `${name.slice(0, 59)}…` : name;
  return name[0].toUpperCase() + name.slice(1).replaceAll("-", " ");
}

/** Who is lowest at a frame, in a few words. */
export function leader(race, frame) {
  const heights = race.racers.map((racer) => {
    const index = indexAt(racer, frame);
    return racer.end && index === racer.evaluations.length - 1 ? null : heightAbove(race, racer.values[index]);
  });
  const lowest = Math.min(...heights.filter((height) => height !== null));
  return frame < 1 || !Number.isFinite(lowest) ? "Everybody starts." : `${racerNames(race.racers)[heights.indexOf(lowest)]} is lowest.`;
}

/** Who stands where at a frame, in words. */
export function outcome(race, frame) {
  const names = racerNames(race.racers);
  const rows = race.racers.map((racer, i) => {
    const index = indexAt(racer, frame);
    const ended = index === racer.evaluations.length - 1 ? racer.end : "";
    return { name: names[i], height: heightAbove(race, racer.values[index]), ended, after: racer.evaluations[index] };
  });
  if (frame < 1) return `Everybody starts ${number(heightAbove(race, race.racers[0].values[0]))} above the floor.`;
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
