/* What happened, in words, for those who do not see the picture: say("SGD diverged after 14 gradients"). */

const PAUSE = 400; // milliseconds: of what comes in quick succession only the last is said
let waiting = 0;

/** Says a sentence politely through the page's live region. */
export function say(text) {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    const region = document.getElementById("narration");
    if (!region) return;
    region.textContent = "";
    requestAnimationFrame(() => (region.textContent = text));
  }, PAUSE);
}
