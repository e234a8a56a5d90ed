/* All that a link to the playground tells: the animation's recipe, in the lab's own words, and what the page shows of it.

   const state = readState(new URLSearchParams("surface=beale&optimizers=Adam:lr=0.1,SGD&frame=40"));
   post("/api/animate", bodyOf(state));
   addressOf(animation.query, state, 40)           // the link to the same picture
*/

/** The animation that a visitor meets: the same tuning for four that differ in what they do with a gradient. */
export const OPENING = {
  surface: "beale",
  optimizers: [
    { optimizer: "SGD", hyperparameters: {} },
    { optimizer: "SGD", hyperparameters: { momentum: 0.9 } },
    { optimizer: "Adam", hyperparameters: {} },
    { optimizer: "RMSprop", hyperparameters: {} },
  ],
  tuning: "tuned",
};

const USUAL = { tuning: "default", lr: null, start: null, x: null, y: null, steps: 200, noise: null, seed: 0 };
const PAGE = { frame: null, selected: null, view: "" };
const TUNINGS = ["default", "same-lr", "tuned"];

/** The state that a query tells; the opening animation where it tells none.  Throws an Error that says what is wrong. */
export function readState(query) {
  const told = (key, read, otherwise) => (query.get(key) ? read(query.get(key), key) : otherwise);
  const page = { frame: told("frame", number, null), selected: told("selected", number, null), view: told("view", String, "") };
  if (!query.get("surface") && !query.get("optimizers")) return { ...USUAL, ...PAGE, ...OPENING, ...page };
  return {
    surface: told("surface", String, OPENING.surface),
    optimizers: told("optimizers", optimizers, OPENING.optimizers),
    tuning: told("tuning", tuning, USUAL.tuning),
    lr: told("lr", number, null),
    start: told("start", pair, null),
    x: told("x", pair, null),
    y: told("y", pair, null),
    steps: told("steps", number, USUAL.steps),
    noise: told("noise", number, null),
    seed: told("seed", number, USUAL.seed),
    ...page,
  };
}

/** What the lab is asked. */
export function bodyOf(state) {
  const { surface, optimizers, tuning, lr, start, x, y, steps, noise, seed, view } = state;
  return { surface, optimizers, tuning, lr: tuning === "same-lr" ? lr : null, start, x, y, steps, noise, seed, strips: view === "strips" };
}

/** The query of a link: the recipe as the lab tells it, and what the page shows of it. */
export function addressOf(recipe, { selected, view }, frame) {
  const page = Object.entries({ frame, selected, view: view || null }).filter(([, value]) => value !== null);
  return [recipe, ...page.map(([key, value]) => `${key}=${encodeURIComponent(value)}`)].join("&");
}

function number(text, key) {
  const value = Number(text);
  if (!Number.isFinite(value)) throw new Error(`The link’s ${key} is no number: ${text.slice(0, 40)}`);
  return value;
}

function pair(text, key) {
  const values = text.split(",").map((part) => number(part, key));
  if (values.length !== 2) throw new Error(`The link’s ${key} should be two numbers, as in 1,2: ${text.slice(0, 40)}`);
  return values;
}

function tuning(text) {
  if (!TUNINGS.includes(text)) throw new Error(`The link’s tuning is none of ${TUNINGS.join(", ")}: ${text.slice(0, 40)}`);
  return text;
}

/* Adam:lr=0.1;betas=(0.9,0.99),SGD; a comma between brackets belongs to its value. */
function optimizers(text) {
  return text.split(/,(?![^(]*\))/).map((part) => {
    const [optimizer, rest = ""] = part.split(/:(.*)/s);
    const pairs = rest.split(";").filter(Boolean).map((setting) => setting.split(/=(.*)/s));
    return { optimizer: optimizer.trim(), hyperparameters: Object.fromEntries(pairs.map(([name, value = ""]) => [name.trim(), settingOf(value.trim())])) };
  });
}

function settingOf(text) {
  const words = { true: true, false: false, none: null };
  if (text.toLowerCase() in words) return words[text.toLowerCase()];
  if (/^\(.*\)$/.test(text)) return text.slice(1, -1).split(",").filter((part) => part.trim()).map((part) => settingOf(part.trim()));
  return text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}
