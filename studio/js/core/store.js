// The one state of the page. It changes by `update` alone, and whoever shows some of it is told then.

const listeners = new Set();

let state = {
  route: null, // {name, params, query}
  session: { status: "unknown", user: null }, // unknown, open, in, out
  connection: "unknown", // live, polling, stale, offline; how fresh what is shown is
  projects: { q: "", items: [], total: 0, status: "idle", error: null },
  project: {}, // by id: {id, detail, shots, tasks, films, cast, status, error}
  music: { items: [], status: "idle", error: null },
  voices: { items: [], status: "idle", error: null },
  kept: {}, // by project: what is kept for reading without the server
};

export const store = {
  get state() {
    return state;
  },

  /** `change` is what becomes of the state: an object, or a function of the state that returns one. */
  update(change) {
    const changes = typeof change === "function" ? change(state) : change;
    if (!changes) return;
    state = { ...state, ...changes };
    for (const listener of [...listeners]) listener(state);
  },

  /** Returns what ends it. */
  subscribe(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

/** Changes to one project's part of the state. */
export function updateProject(id, change) {
  store.update((all) => {
    const before = all.project[id] ?? { id, detail: null, shots: [], tasks: [], films: null, cast: null, status: "idle", error: null };
    return { project: { ...all.project, [id]: { ...before, ...(typeof change === "function" ? change(before) : change) } } };
  });
}
