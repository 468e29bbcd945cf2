// The list of projects, and what is done with whole ones.

import { call, get, newKey, post, remove, ApiError } from "../core/api.js";
import { can } from "../core/config.js";
import { store, updateProject } from "../core/store.js";
import { keepList, keptList } from "./kept.js";

const READ_AT_ONCE = 100;
const MOST = 2000;

let asked = 0;

/** Read the list, a hundred at a time; what was shown stays until the first of it is there. */
export async function loadProjects(q = "") {
  const turn = (asked += 1);
  store.update((all) => ({ projects: { ...all.projects, status: all.projects.items.length ? "again" : "loading", error: null } }));
  try {
    for (let page = 1, items = []; ; page += 1) {
      const found = await get("/projects", { page, page_size: READ_AT_ONCE, q });
      if (turn !== asked) return;
      items = [...items, ...found.items];
      const isWhole = items.length >= Math.min(found.total, MOST) || !found.items.length;
      store.update({ connection: "polling", projects: { q, items, total: found.total, status: isWhole ? "ready" : "again", error: null } });
      if (isWhole) return void keepList(items);
    }
  } catch (error) {
    if (turn !== asked) return;
    const items = error.status === 0 ? await keptList(q) : null;
    if (items) store.update({ connection: "offline", projects: { q, items, total: items.length, status: "ready", error: null } });
    else store.update((all) => ({ projects: { ...all.projects, status: "failed", error } }));
  }
}

/** A new project; returns its id. `film`: also make the film when all is there, where the server can. */
export async function createProject(wanted, key) {
  const answer = await post("/projects", wanted, { key });
  return answer.project_id;
}

const BATCHES = { zip: "application/zip", jsonl: "application/x-ndjson", ndjson: "application/x-ndjson" };

/** The media type of a file with many stories, "" of any other. */
export const batchType = (file) => BATCHES[file.name.split(".").at(-1).toLowerCase()] ?? "";

/** A project of each story in a file; `wanted` holds for those that do not say otherwise. Returns a result for each. */
export async function createBatch(file, wanted) {
  const query = Object.fromEntries(Object.entries(wanted).map(([name, value]) => [name, typeof value === "object" ? JSON.stringify(value) : value]));
  const answer = await call("POST", "/projects/batch", { file, type: batchType(file), query, key: newKey() });
  return answer.results;
}

/** Delete a project. Returns whether it can be undone, and until when. */
export async function deleteProject(id) {
  const answer = await remove(`/projects/${id}`, { undo: 1 });
  store.update((all) => {
    const items = all.projects.items.filter((one) => one.id !== id);
    const { [id]: _gone, ...project } = all.project;
    return { project, projects: { ...all.projects, items, total: Math.max(0, all.projects.total - 1) } };
  });
  return answer.undo_until ?? null;
}

export async function undeleteProject(id) {
  await post(`/projects/${id}/undelete`);
  await loadProjects(store.state.projects.q);
}

/** Start again whatever failed, and go on to the film. On servers without `resume`, each failed task by itself. */
export async function resumeProject(id) {
  const answer = can("resume") && (await post(`/projects/${id}/resume`, {}, { key: newKey() }));
  if (answer) return answer.tasks?.length ?? 0;
  const { tasks } = store.state.project[id];
  const failed = latestByTarget(tasks).filter((task) => task.status === "failed");
  for (const task of failed) await retryTask(task);
  return failed.length;
}

/** Of each kind and shot the task that counts: the newest. */
export function latestByTarget(tasks) {
  const found = new Map();
  for (const task of tasks) found.set(`${task.type} ${task.shotId ?? ""} ${task.parameters?.video ? "clip" : ""}`, task);
  return [...found.values()];
}

export async function retryTask(task) {
  const answer = await post(`/tasks/${task.id}/retry`, {}, { key: newKey() });
  await refreshTask(answer.task_id);
  return answer.task_id;
}

export async function cancelTask(task) {
  const answer = await post(`/tasks/${task.id}/cancel`);
  applyTask(answer.task);
}

export async function refreshTask(id) {
  try {
    const { task } = await get(`/tasks/${id}`);
    applyTask(task);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  }
}

/** Put one task into its project's list, in its place. */
export function applyTask(task) {
  if (!task?.projectId || !store.state.project[task.projectId]) return;
  updateProject(task.projectId, ({ tasks }) => {
    const place = tasks.findIndex((one) => one.id === task.id);
    return { tasks: place < 0 ? [...tasks, task] : tasks.map((one, at) => (at === place ? task : one)) };
  });
}
