// A project's options, which hold for all that is made of it later.

import { get, patchAt } from "../core/api.js";
import { updateProject } from "../core/store.js";

const path = (project) => `/projects/${encodeURIComponent(project)}`;

export async function loadOptions(project) {
  const answer = await get(path(project));
  updateProject(project, { options: answer.options ?? {}, detail: answer.project_detail });
}

/** Change what is given; throws with status 412 where somebody else was first, and reads what is there then. */
export async function saveOptions(project, values) {
  try {
    const answer = await patchAt(path(project), values);
    updateProject(project, ({ detail }) => ({ options: answer.options, detail: { ...detail, ...answer.project } }));
  } catch (error) {
    if (error.status === 412) await loadOptions(project);
    throw error;
  }
}
