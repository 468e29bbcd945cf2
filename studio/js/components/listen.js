// One sound at a time: a voice's sample, a narration, a piece of music. `listenButton` plays and stops it.

import { t } from "../core/i18n.js";
import { store } from "../core/store.js";
import { button } from "./basic.js";
import { notifyError } from "./toasts.js";

const audio = new Audio();
let playing = { src: "", status: "still" }; // still, waiting, playing

function now(src, status) {
  playing = { src, status };
  store.update({ listening: playing });
}

audio.addEventListener("playing", () => now(playing.src, "playing"));
for (const end of ["ended", "pause"]) audio.addEventListener(end, () => now("", "still"));

export async function listen(src) {
  if (playing.src === src) return silence();
  audio.pause();
  now(src, "waiting");
  audio.src = src;
  try {
    await audio.play();
  } catch (error) {
    if (playing.src !== src) return; // somebody pressed another one
    now("", "still");
    if (error.name !== "AbortError") notifyError(new Error(t("listen.failed")));
  }
}

export function silence() {
  audio.pause();
  now("", "still");
}

/** `name`: whose sound it is, for screen readers. */
export function listenButton(src, name, { small = false, text = "" } = {}) {
  const mine = playing.src === src && src !== "";
  const label = t(mine ? "listen.stop" : "listen.play", { name });
  return button(text, { class: small ? "small" : "", icon: mine ? "stop" : "speaker", label, busy: mine && playing.status === "waiting", disabled: !src, "aria-pressed": String(mine), onclick: () => listen(src) });
}
