// How long each shot stands: by the film's own log where there is a film of these shots, else by the narrations, else by reading.

import { store, updateProject } from "../core/store.js";

const BREATH_S = 0.8;
const LEAST_S = 3;
const reading = new Map(); // logs that are being read, by film

/** Seconds that a text takes to read, as the server counts: nine wide characters a second, or twenty narrow ones. */
export function readingSeconds(text) {
  return [...(text ?? "")].reduce((sum, letter) => sum + (/[\u1100-\u{1FAFF}]/u.test(letter) ? 1 / 9 : 1 / 20), 0);
}

/** [{shot, start, seconds, isExact}] in order. `known`: where the shots of the newest film lie, if it is of these shots. */
export function lengthsOf(shots, known = null) {
  let start = 0;
  return shots.map((shot) => {
    const slot = known?.find((one) => one.order === shot.order);
    const spoken = shot.audioPath ? shot.duration : readingSeconds(shot.narration);
    const seconds = slot ? slot.end - slot.start : Math.max(LEAST_S, spoken + BREATH_S);
    const found = { shot, start: slot ? slot.start : start, seconds, isExact: Boolean(slot || shot.audioPath) };
    start = found.start + seconds;
    return found;
  });
}

/** Where the shots of a film lie, by its log: [{order, start, end, speech_start, speech_end}]; null where it cannot be read. */
export async function timingsOf(film) {
  if (!film?.log) return null;
  if (!reading.has(film.id)) reading.set(film.id, read(film.log).catch(() => null));
  return reading.get(film.id);
}

async function read(address) {
  const response = await fetch(address, { credentials: "same-origin" });
  if (!response.ok) return null;
  const { shots } = await response.json();
  return Array.isArray(shots) && shots.every((one) => Number.isFinite(one.start) && Number.isFinite(one.end)) ? shots : null;
}

/** The newest film that is no preview, and not of other shots than there are now. */
export function freshFilm(project) {
  const film = (project.films ?? []).find((one) => one.mode !== "preview" && !one.parameters?.first_seconds);
  return film && !film.stale ? film : null;
}

/** Have the timings of the fresh film in the store, once for each. */
export async function loadTimings(id) {
  const project = store.state.project[id];
  const film = project && freshFilm(project);
  if ((film?.id ?? null) === (project?.timings?.film ?? null)) return;
  updateProject(id, { timings: { film: film?.id ?? null, shots: null } });
  const shots = await timingsOf(film);
  if (shots) updateProject(id, ({ timings }) => (timings.film === film.id ? { timings: { film: film.id, shots } } : {}));
}
