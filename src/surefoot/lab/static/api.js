/* The lab's API: JSON in and out, errors as one line, and word of the lab's stopping and coming back.

   const animation = await post("/api/animate", recipe, { signal });      // ApiError: message, status
   connection.addEventListener("lost", …); connection.addEventListener("back", …);
*/

/** What the lab refused, or that it does not answer; the message is one line that says what to do. */
export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.name = "ApiError";
    this.status = status;
  }
}

/** Sends "lost" when the lab does not answer, and "back" once it does again. */
export const connection = new EventTarget();

const ASK_AGAIN = 2000; // milliseconds between looks for a lab that has stopped
let lost = false;

/** The JSON at a path. */
export async function get(path, { signal } = {}) {
  return (await ask(path, { signal })).json();
}

/** The text at a path. */
export async function getText(path, { signal } = {}) {
  return (await ask(path, { signal })).text();
}

/** The JSON that a path gives for a body. */
export async function post(path, body, { signal } = {}) {
  return (await ask(path, { ...jsonBody(body), signal })).json();
}

/** Fetches a file (with a body: by POST) and hands it to the browser to keep under a name. */
export async function download(path, body, name) {
  const answer = await ask(path, body === null || body === undefined ? {} : jsonBody(body));
  const address = URL.createObjectURL(await answer.blob());
  const anchor = document.createElement("a");
  anchor.href = address;
  anchor.download = name;
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

function jsonBody(body) {
  return { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
}

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, { ...options, headers: { Accept: "application/json", ...options.headers } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    lose();
    throw new ApiError("The lab does not answer. Start it again with: surefoot lab", 0);
  }
  if (!answer.ok) throw new ApiError(await message(answer), answer.status);
  return answer;
}

async function message(answer) {
  let detail = "";
  try {
    detail = ((await answer.json()) ?? {}).detail ?? "";
  } catch {
    // not JSON: the status says enough
  }
  if (Array.isArray(detail)) detail = detail.map((part) => part.msg ?? String(part)).join("; ");
  if (typeof detail !== "string" || !detail) detail = `the lab answered ${answer.status} ${answer.statusText}`.trim();
  const wait = answer.headers.get("Retry-After");
  const busy = answer.status === 429 || (answer.status === 503 && wait);
  const seconds = wait ? `${wait} s` : "a moment";
  return busy && !/again|lower/i.test(detail) ? `${detail}; try again in ${seconds}` : detail;
}

function lose() {
  if (lost) return;
  lost = true;
  connection.dispatchEvent(new Event("lost"));
  setTimeout(look, ASK_AGAIN);
}

async function look() {
  try {
    const answer = await fetch("/api/health", { cache: "no-store" });
    if (!answer.ok) throw new Error("not yet");
    lost = false;
    connection.dispatchEvent(new Event("back"));
  } catch {
    setTimeout(look, ASK_AGAIN);
  }
}
