// How a project stays fresh: its feed (one WebSocket, resumed where it broke off), else its tasks' sockets with polling beside them.
// `connection` in the store says how fresh what is shown is.

import { socketAt } from "../core/api.js";
import { can } from "../core/config.js";
import { store, updateProject } from "../core/store.js";
import { ACTIVE, applyShot, isBusy, loadFilms, loadProject, projectOf } from "./project.js";
import { applyTask } from "./projects.js";

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;
const SILENT_MS = 40_000; // the feed's heartbeats come every 15 s
const POLL_BUSY_MS = 1500;
const POLL_IDLE_MS = 10_000;
const MOST_SOCKETS = 6;
const OF_SHOTS = new Set(["snapshot", "shot", "film"]); // what a film is old by, the list of films alone says
const AFTER_SHOTS_MS = 500;

const feedIsThere = can("feed");
const watched = new Map(); // by project

/** Keep a project fresh as long as somebody looks at it; returns what ends it. */
export function watch(id) {
  const found = watched.get(id) ?? new Watch(id);
  watched.set(id, found);
  found.lookers += 1;
  return () => {
    found.lookers -= 1;
    if (found.lookers) return;
    watched.delete(id);
    found.end();
  };
}

/** Look now: after an action, or when somebody asks. */
export function look(id) {
  watched.get(id)?.reload(0);
}

class Watch {
  constructor(id) {
    this.id = id;
    this.lookers = 0;
    this.seq = 0;
    this.failures = 0;
    this.sockets = new Map();
    this.timers = {};
    this.onVisible = () => !document.hidden && this.again();
    document.addEventListener("visibilitychange", this.onVisible);
    addEventListener("online", this.onVisible);
    loadProject(id).then(() => this.fresh(), (error) => this.failed(error)).finally(() => this.begin());
  }

  begin() {
    if (this.ended || this.isGone) return;
    if (feedIsThere) this.openFeed();
    else this.poll();
  }

  end() {
    this.ended = true;
    document.removeEventListener("visibilitychange", this.onVisible);
    removeEventListener("online", this.onVisible);
    Object.values(this.timers).forEach(clearTimeout);
    for (const socket of [this.feed, ...this.sockets.values()]) if (socket) hangUp(socket);
  }

  after(name, ms, run) {
    clearTimeout(this.timers[name]);
    this.timers[name] = setTimeout(() => !this.ended && run(), ms);
  }

  /** Somebody came back, or the network did: do not wait for the next turn. */
  again() {
    if (this.isGone || this.feed?.readyState === WebSocket.OPEN) return;
    this.failures = 0;
    if (feedIsThere && !this.feed) this.openFeed();
    else if (!feedIsThere) this.poll();
  }

  openFeed() {
    clearTimeout(this.timers.reopen);
    const feed = (this.feed = socketAt(`/v1/api/projects/${encodeURIComponent(this.id)}/feed?after=${this.seq}`));
    feed.onopen = () => {
      this.failures = 0;
      store.update({ connection: "live" });
      this.listenFor(feed);
    };
    feed.onmessage = (event) => {
      this.listenFor(feed);
      this.take(JSON.parse(event.data));
    };
    feed.onclose = () => this.feedClosed(feed);
  }

  listenFor(feed) {
    this.after("silence", SILENT_MS, () => feed.close());
  }

  feedClosed(feed) {
    if (this.feed !== feed || this.ended) return;
    this.feed = null;
    clearTimeout(this.timers.silence);
    if (this.isGone) return;
    this.failures += 1;
    if (this.failures > 1 && !this.isPolling) store.update({ connection: "stale" });
    if (this.failures > 2 && !this.isPolling) this.poll(); // the socket may be what does not come through, and HTTP may
    this.after("reopen", backOff(this.failures), () => this.openFeed());
  }

  take(message) {
    if (message.seq) this.seq = message.seq;
    const kinds = {
      snapshot: () => this.takeSnapshot(message),
      task: () => applyTask(message.task),
      shot: () => applyShot(this.id, message.shot),
      project: () => updateProject(this.id, ({ detail }) => ({ detail: { ...detail, ...message.project } })),
      film: () => this.takeFilm(message.film),
      gone: () => this.leave(),
    };
    if (message.code === 404) this.leave();
    else kinds[message.type]?.();
    if (OF_SHOTS.has(message.type) && projectOf(this.id)?.films?.length) this.after("films", AFTER_SHOTS_MS, () => loadFilms(this.id).catch(() => {}));
  }

  /** The project was deleted: there is nothing to come back to. */
  leave(error = null) {
    this.isGone = true;
    updateProject(this.id, { status: "gone", error });
  }

  takeSnapshot({ project, shots, tasks, films }) {
    updateProject(this.id, ({ detail }) => ({ detail: { ...detail, ...project }, shots, tasks, films, status: "ready" }));
  }

  takeFilm(film) {
    updateProject(this.id, ({ films }) => {
      const others = (films ?? []).filter((one) => one.id !== film.id);
      return { films: [...others, film].sort((one, other) => other.number - one.number) };
    });
  }

  /** Read it all again, soon: several reasons at once are one. */
  reload(ms = 250) {
    this.after("reload", ms, () => loadProject(this.id).then(() => this.fresh(), (error) => this.failed(error)));
  }

  /** Look, again and again: for good where there is no feed, else until it is open. */
  async poll() {
    this.isPolling = !this.isGone && this.feed?.readyState !== WebSocket.OPEN;
    if (!this.isPolling) return;
    let answered = true;
    try {
      await loadProject(this.id);
      this.fresh();
    } catch (error) {
      answered = false;
      this.failed(error);
    }
    if (this.ended) return;
    const project = projectOf(this.id);
    if (!feedIsThere && project?.detail) this.watchTasks(project);
    const pause = !answered ? backOff(this.failures) : isBusy(project) ? POLL_BUSY_MS : POLL_IDLE_MS;
    this.after("poll", document.hidden ? Math.max(pause, POLL_IDLE_MS) : pause, () => this.poll());
  }

  /** Progress comes by the tasks' own sockets, so that the next look may be a while off. */
  watchTasks({ tasks }) {
    for (const task of tasks.filter((one) => one.status === "processing")) {
      if (this.sockets.size >= MOST_SOCKETS || this.sockets.has(task.id)) continue;
      const socket = socketAt(`/tasks/${encodeURIComponent(task.id)}/wss`);
      this.sockets.set(task.id, socket);
      socket.onmessage = (event) => {
        const fresh = JSON.parse(event.data);
        if (!fresh.id) return;
        applyTask(fresh);
        if (!ACTIVE.has(fresh.status)) this.reload();
      };
      socket.onclose = () => this.sockets.delete(task.id);
    }
  }

  /** An answer has come: what is shown is true now, and stays so where the feed is open or looks follow one another. */
  fresh() {
    if (this.ended) return;
    if (!feedIsThere) this.failures = 0;
    store.update({ connection: this.feed?.readyState === WebSocket.OPEN ? "live" : "polling" });
  }

  failed(error) {
    if (this.ended) return;
    if (error.status === 404) return this.leave(error);
    this.failures += 1;
    store.update({ connection: error.status === 0 ? "offline" : "stale" });
  }
}

/** A socket that is closed before it is open counts as a failure, which the browser writes on the console: such a one is closed once it is. */
function hangUp(socket) {
  socket.onmessage = socket.onclose = null;
  if (socket.readyState === WebSocket.CONNECTING) socket.onopen = () => socket.close();
  else socket.close();
}

function backOff(failures) {
  const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (failures - 1));
  return wait / 2 + (Math.random() * wait) / 2;
}
