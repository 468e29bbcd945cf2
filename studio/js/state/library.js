// What all projects share: voices and music.

import { get, remove, upload } from "../core/api.js";
import { store } from "../core/store.js";

export async function loadVoices() {
  if (store.state.voices.status === "ready") return;
  await load("voices", async () => (await get("/voices")).voices);
}

export const loadMusic = () => load("music", async () => (await get("/music")).music);

async function load(part, read) {
  store.update((all) => ({ [part]: { ...all[part], status: all[part].items.length ? "again" : "loading", error: null } }));
  try {
    store.update({ [part]: { items: await read(), status: "ready", error: null } });
  } catch (error) {
    store.update((all) => ({ [part]: { ...all[part], status: "failed", error } }));
  }
}

/** Add a piece; returns what the server says of it. */
export async function addMusic(file, { title = "", tags = "" } = {}) {
  const answer = await upload("/music", file, { title, tags });
  store.update((all) => ({ music: { ...all.music, items: [answer.music, ...all.music.items] } }));
  return answer.message;
}

export async function deleteMusic(id) {
  await remove(`/music/${encodeURIComponent(id)}`);
  store.update((all) => ({ music: { ...all.music, items: all.music.items.filter((one) => one.id !== id) } }));
}
