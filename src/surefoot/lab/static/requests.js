/* Requests that follow one another: a newer one ends the older, whose answer is then never used.

   const ask = superseding((signal, recipe) => post("/api/animate", recipe, { signal }));
   const animation = await ask(recipe);            // null if a newer one was asked meanwhile
*/

/** Work of which only the latest counts; gives null for what was superseded, throws what the latest throws. */
export function superseding(work) {
  let latest = null;
  const ask = async (...given) => {
    latest?.abort();
    const mine = new AbortController();
    latest = mine;
    try {
      const answer = await work(mine.signal, ...given);
      return mine === latest ? answer : null;
    } catch (error) {
      if (mine !== latest || error.name === "AbortError") return null;
      throw error;
    }
  };
  ask.stop = () => {
    latest?.abort();
    latest = null;
  };
  return ask;
}

/** Calls once things have been quiet for so many milliseconds; `stop` forgets what waits. */
export function debounced(call) {
  let waiting = 0;
  const later = (milliseconds) => {
    clearTimeout(waiting);
    waiting = setTimeout(call, milliseconds);
  };
  later.stop = () => clearTimeout(waiting);
  return later;
}
