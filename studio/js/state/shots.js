// What is done with a project's shots. Each answer of the server goes into the store; what went wrong is thrown.

import { get, newKey, patchAt, post, put, remove, upload, whereThere } from "../core/api.js";
import { can } from "../core/config.js";
import { look } from "./live.js";
import { ACTIVE, applyShot, applyShots, loadProject, projectOf, taskOf } from "./project.js";

const at = (project, ...rest) => ["", "projects", project, "shots", ...rest].map(encodeURIComponent).join("/");

/** A shot as the server has it now; what is read here is what `save` may write over. */
export async function readShot(project, id) {
  const { shot } = await get(at(project, id));
  applyShot(project, shot);
  return shot;
}

/** Change a shot's words without painting. Somebody else's change since it was read is a 412, whose body has the shot as it is. */
export async function saveShot(project, id, fields) {
  if (!can("order")) return saveByParts(project, id, fields);
  const { shot } = await patchAt(at(project, id), fields);
  applyShot(project, shot);
  look(project); // films may be old by that
}

/** On servers without PATCH: texts by the gateway's route, which starts nothing either; title and transition cannot be changed there. */
async function saveByParts(project, id, fields) {
  const { prompt, narration, motion } = fields;
  if (prompt !== undefined || narration !== undefined) await post(`/../../api/shots/${encodeURIComponent(id)}/update_prompt`, { prompt, narration });
  if (motion !== undefined) await post(at(project, id), { motion });
  await readShot(project, id);
}

/** Paint a shot anew; `wanted` may hold prompt, seed, steps, cfg_scale, negative_prompt. */
export async function paint(project, id, wanted = {}) {
  const { task_id } = await post(at(project, id), wanted, { key: newKey() });
  look(project);
  return task_id;
}

/** Make the shot's clip. */
export async function animate(project, id, wanted = {}) {
  const { task_id } = await post(`/projects/${encodeURIComponent(project)}/video`, { shot_id: id, ...wanted }, { key: newKey() });
  look(project);
  return task_id;
}

/** Speak every narration anew. */
export async function speakAll(project, wanted = {}) {
  const { task_id } = await post(`/projects/${encodeURIComponent(project)}/tts`, wanted, { key: newKey() });
  look(project);
  return task_id;
}

/** Speak one shot's narration anew. */
export async function speak(project, id) {
  const { task_id } = await post(at(project, id, "narrations"), {}, { key: newKey() });
  look(project);
  return task_id;
}

/** Ask for the film. */
export async function makeFilm(project, wanted = {}) {
  const { task_id } = await post(`/projects/${encodeURIComponent(project)}/video`, wanted, { key: newKey() });
  look(project);
  return task_id;
}

/** Paint whatever has no picture and is not being painted, and speak what is not spoken. Returns how many pictures. */
export async function generateAll(id) {
  const project = projectOf(id);
  const bare = project.shots.filter((shot) => !shot.imagePath && !ACTIVE.has(taskOf(project, shot.id, "generate_shot")?.status));
  for (const shot of bare) await post(at(id, shot.id), { prompt: shot.prompt }, { key: newKey() });
  const silent = project.shots.some((shot) => shot.narration?.trim() && !shot.audioPath);
  const speaking = project.tasks.some((task) => task.type === "generate_audio" && ACTIVE.has(task.status));
  if (silent && !speaking) await post(`/projects/${encodeURIComponent(id)}/tts`, {}, { key: newKey() });
  look(id);
  return bare.length;
}

export const canEdit = () => can("duplicate");

/** A new shot behind `after` (null: before all others). */
export async function insertShot(project, after, fields = {}) {
  const { shot } = await post(at(project), { after, ...fields }, { key: newKey() });
  await loadProject(project);
  return shot;
}

export async function duplicateShot(project, id) {
  const { shot } = await post(at(project, id, "duplicate"), {}, { key: newKey() });
  await loadProject(project);
  return shot;
}

/** Divide a shot's narration at a place, counted in characters; the picture stays with the first part. {shots, undo_until} */
export async function splitShot(project, id, place) {
  const answer = await post(at(project, id, "split"), { at: place }, { key: newKey() });
  await loadProject(project);
  return answer;
}

/** Join a shot with the next one. {shot, undo_until} */
export async function mergeShot(project, id) {
  const answer = await post(at(project, id, "merge"), {}, { key: newKey() });
  await loadProject(project);
  return answer;
}

/** Take back a shot's last split or merge. */
export async function undoShot(project, id) {
  await post(at(project, id, "undo"), {}, { key: newKey() });
  await loadProject(project);
}

/** All shots in this order. What is shown moves at once, and back where the server refuses. */
export async function orderShots(project, order) {
  const before = projectOf(project).shots;
  applyShots(project, before.map((shot) => ({ ...shot, order: order.indexOf(shot.id) + 1 })));
  try {
    const { shots } = await put(`${at(project)}/order`, { order });
    applyShots(project, shots);
  } catch (error) {
    applyShots(project, before);
    throw error;
  }
}

/** Delete a shot; returns until when it can be had back, null where it cannot. */
export async function deleteShot(project, id) {
  const answer = can("undelete") ? await remove(at(project, id), { undo: 1 }) : await remove(`/shots/${encodeURIComponent(id)}`);
  await loadProject(project);
  return answer.undo_until ?? null;
}

export async function undeleteShot(project, id) {
  await post(at(project, id, "undelete"));
  await loadProject(project);
}

/** Its pictures, narrations or clips, newest first; null where this server keeps none. */
export async function versionsOf(project, id, kind) {
  if (!can("versions")) return null;
  const answer = await whereThere(get(at(project, id, kind, "versions")));
  return answer?.versions ?? null;
}

export async function restoreVersion(project, id, kind, number) {
  const { shot } = await post(at(project, id, kind, "versions", number, "restore"), {}, { key: newKey() });
  applyShot(project, shot);
  look(project);
}

/** A file of one's own in the place of what a model made. */
export async function uploadVersion(project, id, kind, file) {
  const { shot } = await upload(at(project, id, kind), file, {}, { key: newKey() });
  applyShot(project, shot);
  look(project);
}
