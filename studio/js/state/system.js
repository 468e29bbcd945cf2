// How the server is. `/readyz` tells everybody; an administrator is told of tasks, storage and accounts, too.

import { get, post, newKey, whereThere } from "../core/api.js";
import { can } from "../core/config.js";
import { store } from "../core/store.js";

export async function loadSystem() {
  try {
    const ready = await (await fetch("/readyz", { headers: { Accept: "application/json" } })).json();
    const overview = can("overview") ? await whereThere(get("/admin/overview"), {}) : {};
    store.update({ system: { ...overview, dependencies: ready.dependencies, nodes: ready.nodes ?? {}, isReady: ready.status === "ready" } });
  } catch (error) {
    store.update((all) => ({ system: { ...all.system, error } }));
  }
}

export async function retryFailed(task) {
  await post(`/tasks/${task.id}/retry`, {}, { key: newKey() });
  await loadSystem();
}
