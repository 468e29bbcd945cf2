// Who appears in a project: rows that can be added, changed and deleted, with a reference picture each.

import { call, get, newKey, post, remove, upload, whereThere } from "../core/api.js";
import { store, updateProject } from "../core/store.js";

const path = (project, member = "") => `/projects/${encodeURIComponent(project)}/cast${member && `/${encodeURIComponent(member)}`}`;

export async function loadCast(project) {
  const answer = await whereThere(get(path(project)), { cast: [] });
  updateProject(project, { cast: answer.cast.map(complete) });
}

// Older servers name their members by name alone, with a look in either language.
const complete = (member, place) => ({ ...member, id: member.id ?? `${place}`, look: member.look ?? member.look_zh ?? member.look_en ?? "" });

export async function saveMember(project, member) {
  const { id, name, look, voice } = member;
  await (id ? call("PATCH", path(project, id), { json: { name, look, voice } }) : post(path(project), { name, look, voice }, { key: newKey() }));
  await loadCast(project);
}

export async function deleteMember(project, id) {
  await remove(path(project, id));
  updateProject(project, ({ cast }) => ({ cast: cast.filter((one) => one.id !== id) }));
}

export async function setReference(project, id, file) {
  await upload(`${path(project, id)}/reference`, file, {}, { method: "PUT" });
  await loadCast(project);
}

/** Paint the shots anew in which the member appears; returns how many. */
export async function repaint(project, id) {
  const answer = await post(`${path(project, id)}/repaint`, {}, { key: newKey() });
  return answer.tasks.length;
}

export const castOf = (project) => store.state.project[project]?.cast ?? null;
