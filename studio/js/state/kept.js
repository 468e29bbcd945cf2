// What can be read without the server: the list, the projects that were opened, and the films that were chosen. In IndexedDB;
// pictures and films lie in the service worker's cache (`sw.js`).

import { coverOf, shotPicture } from "../components/media.js";
import { forgetAll, keepPictures } from "../core/offline.js";
import { store } from "../core/store.js";

const NAME = "s2v";
const STORES = ["projects", "list"];
const SEEN_WIDE = 320; // CSS pixels; larger ones are kept when they are seen

let opened = null;

function database() {
  opened ??= new Promise((done, failed) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => STORES.forEach((name) => request.result.createObjectStore(name));
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
  });
  return opened;
}

async function run(name, mode, work) {
  const base = await database();
  return new Promise((done, failed) => {
    const transaction = base.transaction(name, mode);
    const request = work(transaction.objectStore(name));
    transaction.oncomplete = () => done(request?.result);
    transaction.onerror = transaction.onabort = () => failed(transaction.error);
  });
}

/** Never the reason why something else fails: a browser may forbid storage, or have no room. */
async function quietly(work, otherwise) {
  try {
    return await work();
  } catch {
    return otherwise;
  }
}

// Several accounts may share a browser: each has its own shelf.
const shelf = () => store.state.session.user?.id ?? localUser();

function localUser() {
  try {
    return localStorage.getItem("s2v.user") ?? "";
  } catch {
    return "";
  }
}

export function rememberUser() {
  const id = store.state.session.user?.id;
  quietly(async () => id && localStorage.setItem("s2v.user", id));
}

export const keepList = (items) =>
  quietly(async () => {
    const before = (await run("list", "readonly", (all) => all.get(shelf()))) ?? [];
    const fresh = new Map(before.map((one) => [one.id, one]));
    for (const one of items) fresh.set(one.id, one);
    const sorted = [...fresh.values()].sort((one, other) => (one.createdAt < other.createdAt ? 1 : -1)).slice(0, 500);
    await run("list", "readwrite", (all) => all.put(sorted, shelf()));
  });

export const keptList = (q = "") =>
  quietly(async () => {
    const all = await run("list", "readonly", (one) => one.get(shelf()));
    return all?.filter((one) => !q || one.title.includes(q) || one.description?.includes(q)) ?? null;
  }, null);

export const keepProject = (project) =>
  quietly(async () => {
    const { id, detail, shots, tasks, films, cast } = project;
    await run("projects", "readwrite", (all) => all.put({ id, detail, shots, tasks: tasks.slice(-200), films, cast }, `${shelf()} ${id}`));
    keepPictures([coverOf(detail), ...shots.map((shot) => shotPicture(shot, SEEN_WIDE))]);
  });

export const keptProject = (id) => quietly(() => run("projects", "readonly", (all) => all.get(`${shelf()} ${id}`)), null);

export const forgetProject = (id) =>
  quietly(async () => {
    await run("projects", "readwrite", (all) => all.delete(`${shelf()} ${id}`));
    const list = (await run("list", "readonly", (all) => all.get(shelf()))) ?? [];
    await run("list", "readwrite", (all) => all.put(list.filter((one) => one.id !== id), shelf()));
  });

/** At a log-out: whoever sits down next finds nothing. */
export const forgetEverything = () =>
  quietly(async () => {
    for (const name of STORES) await run(name, "readwrite", (all) => all.clear());
    localStorage.removeItem("s2v.user");
    await forgetAll();
  });
