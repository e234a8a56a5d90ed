/* Numbers as people read them, to the letter as surefoot.study.format writes them.  Imports nothing.

   number(0.0312)                    // "0.0312"
   setting([0.9, 0.999])             // "(0.9, 0.999)"
*/

const DIGITS = 3;
const MINUS = "−";

/** Three significant digits and a true minus sign; "–" where there is no number. */
export function number(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const scientific = nearest(Math.abs(value), DIGITS);
  const size = Number(scientific), sign = value < 0 ? MINUS : "";
  if (size >= 1e-3 && size < 1e5) return sign + (size >= 10 ** (DIGITS - 1) ? String(whole(Math.abs(value))) : size.toPrecision(DIGITS));
  const [mantissa, exponent] = scientific.split("e");
  return `${sign}${mantissa.includes(".") ? mantissa.replace(/\.?0+$/, "") : mantissa}e${Number(exponent)}`;
}

/** A setting's value as in code, with every digit that it has: 0.003, 3e-4, (0.9, 0.999), True, None. */
export function setting(value) {
  if (Array.isArray(value)) return `(${value.map(setting).join(", ")})`;
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "number") return String(value);
  const size = Math.abs(value), sign = value < 0 ? "-" : "";
  if (value === 0 || !Number.isFinite(value)) return value === 0 ? "0" : `${sign}${Number.isNaN(value) ? "nan" : "inf"}`;
  const scientific = size.toExponential().replace("e+", "e");
  if (size < 1e-3 || size > Number.MAX_SAFE_INTEGER) return sign + scientific;
  const plain = String(size);
  return sign + (size < 1e5 || plain.length <= scientific.length ? plain : scientific);
}

/** About how large, no longer than needed: 0.01, 690, 3e-4. */
export function rounded(value, digits = 2) {
  if (!Number.isFinite(value)) return "–";
  const told = setting(Number(nearest(value, digits)));
  return value < 0 ? told.replace("-", MINUS) : told;
}

/** A share of one as per cent: 3.7 %, 33 %; 100 % is all, and what is nearly all > 99.9 %. */
export function share(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value < 0) return MINUS + share(-value);
  const percent = 100 * value;
  if (percent > 0 && percent < 0.05) return "< 0.1 %";
  if (percent >= 99.95 && percent < 100 * (1 - 1e-9)) return "> 99.9 %";
  const digits = percent < 9.95 || (percent >= 99.5 && percent < 99.95) ? 1 : 0;
  const tenths = percent % 1 === 0.25 ? Math.floor(percent) + 0.2 : percent; // a tie, which goes to the even digit
  return `${digits ? tenths.toFixed(1).replace(".0", "") : whole(percent)} %`;
}

/* As Python rounds: of two equally near numbers the even one, where JavaScript takes the larger. */
function whole(value) {
  const below = Math.floor(value);
  return value - below === 0.5 ? below + Math.abs(below % 2) : Math.round(value);
}

function nearest(value, digits) {
  const exact = Math.abs(value).toExponential(60).split("e")[0].replace(".", "");
  const isTie = /^50*$/.test(exact.slice(digits)) && Number(exact[digits - 1]) % 2 === 0;
  return (isTie ? value * (1 - 1e-12) : value).toExponential(digits - 1);
}
