// One project: its shots, tasks and films, read together and kept fresh by `live.js`.

import { get } from "../core/api.js";
import { store, updateProject } from "../core/store.js";
import { keepProject, keptProject } from "./kept.js";

export const ACTIVE = new Set(["blocked", "pending", "processing"]);

const loading = new Map();

/** Read all of a project; a second call while one is at work shares its answer. */
export function loadProject(id) {
  if (!loading.has(id)) loading.set(id, read(id).finally(() => loading.delete(id)));
  return loading.get(id);
}

async function read(id) {
  updateProject(id, (before) => ({ status: before.detail ? "again" : "loading" }));
  try {
    const [whole, tasks, films] = await Promise.all([
      get(`/projects/${id}`),
      get(`/projects/${id}/tasks`),
      get(`/projects/${id}/films`),
    ]);
    updateProject(id, {
      detail: whole.project_detail,
      options: whole.options ?? {},
      shots: whole.shots,
      tasks: tasks.tasks,
      films: films.films,
      status: "ready",
      error: null,
      loadedAt: Date.now(),
    });
    keepProject(store.state.project[id]);
  } catch (error) {
    const kept = error.status === 0 ? await keptProject(id) : null;
    if (kept && !store.state.project[id].detail) {
      updateProject(id, { ...kept, status: "ready", error: null });
      store.update({ connection: "offline" });
    } else updateProject(id, (before) => ({ status: before.detail ? "ready" : "failed", error }));
    throw error;
  }
}

/** Read the films again: what of each is old by now. */
export async function loadFilms(id) {
  const { films } = await get(`/projects/${id}/films`);
  updateProject(id, { films });
}

/** Put a shot that the server has answered in its place; `before` null adds it. */
export function applyShot(projectId, shot) {
  updateProject(projectId, ({ shots }) => {
    const others = shots.filter((one) => one.id !== shot.id);
    return { shots: [...others, shot].sort((one, other) => one.order - other.order) };
  });
}

export function applyShots(projectId, shots) {
  updateProject(projectId, { shots: [...shots].sort((one, other) => one.order - other.order) });
}

export const projectOf = (id, state = store.state) => state.project[id];

/** A shot's task that counts now: what is at work on it, else what ended last. `type` narrows it down. */
export function taskOf(project, shotId, type) {
  const own = project.tasks.filter((task) => task.shotId === shotId && (!type || task.type === type));
  return own.findLast((task) => ACTIVE.has(task.status)) ?? own.at(-1) ?? null;
}

/** The project's own task of a type: its storyboard, its narration, its film. */
export function ownTask(project, type) {
  const own = project.tasks.filter((task) => !task.shotId && task.type === type);
  return own.findLast((task) => ACTIVE.has(task.status)) ?? own.at(-1) ?? null;
}

export const isBusy = (project) => project.tasks.some((task) => ACTIVE.has(task.status));

/** How far its parts are: {shots, painted, spoken, clips, failed}. */
export function progressOf(project) {
  const { shots } = project;
  const silent = (shot) => !shot.narration?.trim();
  return {
    shots: shots.length,
    painted: shots.filter((shot) => shot.imagePath).length,
    spoken: shots.filter((shot) => shot.audioPath || silent(shot)).length,
    clips: shots.filter((shot) => shot.videoPath).length,
    failed: shots.filter((shot) => stateOf(project, shot) === "failed").length,
  };
}

/** A shot's state on its card: waiting, working, done or failed. */
export function stateOf(project, shot) {
  const newest = taskOf(project, shot.id);
  if (newest && ACTIVE.has(newest.status)) return newest.status === "processing" ? "working" : "waiting";
  if (newest?.status === "failed") return "failed";
  if (shot.imagePath) return "done";
  return shot.status === "failed" ? "failed" : "waiting";
}
