// The storyboard: all shots in order, how far each is, and what is to be done next.

import "../i18n/board.js";
import { can } from "../core/config.js";
import { h } from "../core/dom.js";
import { clock } from "../core/format.js";
import { currentLanguage, t } from "../core/i18n.js";
import { shortcuts } from "../core/keys.js";
import { go, href, setQuery } from "../core/router.js";
import { hasCookies } from "../core/session.js";
import { store } from "../core/store.js";
import { View } from "../core/view.js";
import { button, choices, empty, pageHead, problem, progress, skeleton } from "../components/basic.js";
import { duplicate, insert, merge, moved, order, remove, repaint, split, tried } from "../components/board-actions.js";
import { boardKeys } from "../components/board-keys.js";
import { failure } from "../components/failure.js";
import { icon } from "../components/icon.js";
import { menu } from "../components/menu.js";
import { placed, reorder } from "../components/reorder.js";
import { projectTabs } from "../components/shell.js";
import { shotCard } from "../components/shot-card.js";
import { timeline } from "../components/timeline.js";
import { notify, notifyError } from "../components/toasts.js";
import { lengthsOf, loadTimings, freshFilm } from "../state/lengths.js";
import { loadCast } from "../state/cast.js";
import { watch } from "../state/live.js";
import { ACTIVE, isBusy, loadProject, ownTask, progressOf, taskOf } from "../state/project.js";
import { resumeProject, retryTask } from "../state/projects.js";
import { canEdit, generateAll, makeFilm, speakAll } from "../state/shots.js";

export const styles = ["pages/storyboard.css"];

class Storyboard extends View {
  static properties = ["route"];

  start() {
    this.projectId = this.route.params.project;
    this.local = { selected: this.route.query.shot ?? null, drag: null, asked: "" };
    this.cards = new Map();
    this.until(watch(this.projectId));
    loadCast(this.projectId).catch(() => {});
    this.until(shortcuts("nav.storyboard", boardKeys(this)));
  }

  get project() {
    return store.state.project[this.projectId];
  }

  view = () => (store.state.route.query.view === "sheet" ? "sheet" : "line");

  setView(view) {
    setQuery({ view: view === "line" ? "" : view });
  }

  selectedShot() {
    const { shots } = this.project ?? { shots: [] };
    return shots.find((shot) => shot.id === this.local.selected) ?? shots[0];
  }

  template() {
    const project = this.project;
    if (!project || (!project.detail && project.status !== "failed" && project.status !== "gone")) return h("div", { class: "page" }, skeleton(6));
    if (project.status === "gone") return h("div", { class: "page" }, empty(t("board.gone.title"), t("board.gone.text"), button(t("nav.assets"), { kind: "primary", href: href("assets") })));
    if (!project.detail) return h("div", { class: "page" }, problem(project.error, { again: () => loadProject(this.projectId).catch(() => {}) }));
    loadTimings(this.projectId).catch(() => {});
    const lengths = lengthsOf(project.shots, project.timings?.shots);
    return h(
      "div",
      { class: "page board-page" },
      this.head(project, lengths),
      projectTabs(this.projectId, "storyboard"),
      this.news(project),
      project.shots.length ? this.board(project, lengths) : this.nothing(project),
      project.shots.length > 0 && timeline(project, lengths, { selected: this.selectedShot()?.id, select: (id) => this.show(id), open: (id) => this.open(id) }),
    );
  }

  head(project, lengths) {
    const counts = progressOf(project);
    const length = clock(lengths.reduce((sum, one) => sum + one.seconds, 0));
    return pageHead(project.detail.title || t("project.untitled"), {
      above: h("a", { class: "above", href: href("assets") }, icon("left"), t("nav.assets")),
      lead: [counts.shots && t("board.lead", { ...counts, length }), Number(project.detail.cost) > 0 && t("board.cost", { cost: project.detail.cost })].filter(Boolean).join(" · "),
      actions: [this.next(project, counts), this.more(project)],
    });
  }

  /** The one filled button: what this project needs next. */
  next(project, counts) {
    const film = ownTask(project, "generate_video");
    const busy = (text) => button(text, { kind: "primary", busy: true });
    if (this.local.asked) return busy(t(this.local.asked));
    const failed = counts.failed > 0 || film?.status === "failed";
    const resume = () => this.action("board.resume", "retry", async () => notify(t("board.resumed", { n: await resumeProject(this.projectId) }), { kind: "info" }));
    if (film && ACTIVE.has(film.status)) {
      const others = project.tasks.some((task) => ACTIVE.has(task.status) && task.id !== film.id);
      // A film in which something is only stood in for need not be waited for: it is replaced.
      return counts.failed > 0 && !others ? resume() : busy(`${t("board.film.busy")} ${film.progress}%`);
    }
    const storyboard = ownTask(project, "generate_storyboard");
    if (storyboard && ACTIVE.has(storyboard.status)) return busy(t("board.writing"));
    if (!counts.shots) return null;
    if (failed && !isBusy(project)) return resume();
    if (counts.painted < counts.shots && !isBusy(project)) return this.action("board.generate", "wand", () => this.generate());
    if (freshFilm(project)) return button(t("board.watch"), { kind: "primary", icon: "play", href: href("film", { project: this.projectId }) });
    return this.action("board.film", "film", () => this.film());
  }

  action(name, picture, run, kind = "primary") {
    return button(t(name), {
      kind,
      icon: picture,
      onclick: async () => {
        this.set({ asked: name });
        await tried(run);
        this.set({ asked: "" });
      },
    });
  }

  async generate() {
    notify(t("board.generating", { n: await generateAll(this.projectId) }), { kind: "info" });
  }

  async film() {
    await makeFilm(this.projectId);
    notify(t("board.film.asked"), { kind: "info", action: { text: t("nav.film"), run: () => go(href("film", { project: this.projectId })) } });
  }

  more(project) {
    const none = !project.shots.length;
    return menu({
      label: t("board.more"),
      items: [
        { label: t("board.generate"), icon: "wand", disabled: none, run: () => tried(() => this.generate()) },
        { label: t("board.speak"), icon: "voice", disabled: none, run: () => tried(async () => { await speakAll(this.projectId); notify(t("board.spoken"), { kind: "info" }); }) },
        { label: t("board.resume"), icon: "retry", disabled: none, run: () => tried(async () => notify(t("board.resumed", { n: await resumeProject(this.projectId) }), { kind: "info" })) },
        { label: t("board.film"), icon: "film", disabled: none, run: () => tried(() => this.film()) },
        can("archive") && hasCookies() && { label: t("board.archive"), icon: "download", href: `/v1/api/projects/${encodeURIComponent(this.projectId)}/archive`, download: "" },
      ],
    });
  }

  news(project) {
    const own = ["generate_storyboard", "generate_audio", "generate_video"].map((type) => ownTask(project, type)).filter(Boolean);
    const stale = (project.films ?? []).find((film) => film.mode !== "preview")?.stale_shots?.length;
    return [
      own.filter((task) => task.status === "failed").map((task) => failure(task)),
      own.filter((task) => ACTIVE.has(task.status)).map((task) => h("div", { class: "panel", key: task.id }, progress(task.status === "processing" ? task.progress : null, task.message || t("state.waiting")))),
      stale > 0 && h("p", { class: "small", role: "status" }, icon("history"), t("board.stale", { n: stale })),
    ];
  }

  nothing(project) {
    const storyboard = ownTask(project, "generate_storyboard");
    if (storyboard && ACTIVE.has(storyboard.status)) return empty(t("board.writing"), t("board.writing.text"), null, progress(null, ""));
    return empty(t("board.empty.title"), t("board.empty.text"), canEdit() && button(t("board.add"), { kind: "primary", icon: "plus", onclick: () => insert(this.projectId, null) }));
  }

  board(project, lengths) {
    const view = this.view();
    const { drag } = this.local;
    const selected = this.selectedShot()?.id;
    const stale = new Set((project.films ?? []).find((film) => film.mode !== "preview")?.stale_shots ?? []);
    return h(
      "section",
      { class: "board-area", "aria-labelledby": "board-list" },
      h(
        "div",
        { class: "board-tools" },
        h("h2", { id: "board-list", class: "sr-only" }, t("board.list")),
        choices("view", h("span", { class: "sr-only" }, t("board.view")), ["line", "sheet"].map((value) => ({ value, label: t(`board.view.${value}`) })), view, (value) => this.setView(value), { class: "small" }),
      ),
      h(
        "ol",
        { class: `board ${view}`, "data-board": "" },
        lengths.map(({ shot, seconds, isExact }) =>
          this.card(project, { shot, selected: shot.id === selected, length: Math.round(seconds), isExact, dragging: drag?.id === shot.id, drop: drag?.target === shot.id ? drag.side : null, movable: can("order") && project.shots.length > 1, isStale: stale.has(shot.id) }),
        ),
        canEdit() && h("li", { class: "add-card", key: "add" }, button(t("board.add"), { icon: "plus", class: "add-shot", onclick: () => insert(this.projectId, project.shots.at(-1)?.id ?? null) })),
      ),
    );
  }

  /** A card is drawn again only where something of it is new: there may be sixty. */
  card(project, seen) {
    const { shot } = seen;
    const inputs = [...Object.values(seen), taskOf(project, shot.id), project.cast, currentLanguage()];
    const kept = this.cards.get(shot.id);
    if (kept && kept.inputs.every((one, place) => one === inputs[place])) return kept.drawn;
    const drawn = shotCard({ project, ...seen }, { select: (id) => this.local.selected !== id && this.set({ selected: id }), drag: (event, id) => this.drag(event, id), retry: (task) => retryTask(task).catch(notifyError), items: () => this.items(shot.id) });
    this.cards.set(shot.id, { inputs, drawn });
    return drawn;
  }

  items(id) {
    const { project } = this;
    const shot = project.shots.find((one) => one.id === id);
    const first = project.shots[0].id === shot.id;
    const last = this.isLast(shot);
    const before = project.shots[project.shots.indexOf(shot) - 1]?.id ?? null;
    return [
      { label: t("action.open"), icon: "edit", href: href("shot", { project: this.projectId, shot: shot.id }), keys: "Enter" },
      { label: t("card.paint"), icon: "wand", run: () => repaint(this.projectId, shot) },
      ...(can("order") ? ["-", { label: t("card.left"), icon: "left", disabled: first, keys: "Alt ←", run: () => this.move(shot, -1) }, { label: t("card.right"), icon: "right", disabled: last, keys: "Alt →", run: () => this.move(shot, 1) }] : []),
      ...(canEdit()
        ? [
            "-",
            { label: t("card.insertBefore"), icon: "plus", run: () => insert(this.projectId, before) },
            { label: t("card.insertAfter"), icon: "plus", keys: "I", run: () => insert(this.projectId, shot.id) },
            { label: t("card.duplicate"), icon: "copy", keys: "D", run: () => duplicate(this.projectId, shot) },
            { label: t("card.split"), icon: "split", keys: "S", run: () => split(this.projectId, shot) },
            { label: t("card.merge"), icon: "merge", disabled: last, keys: "M", run: () => merge(this.projectId, shot) },
          ]
        : []),
      "-",
      { label: t("action.delete"), icon: "trash", danger: true, keys: "Del", run: () => this.askAndDelete(shot) },
    ];
  }

  isLast = (shot) => this.project.shots.at(-1).id === shot.id;

  async askAndDelete(shot) {
    const { shots } = this.project;
    const neighbour = shots[shots.findIndex((one) => one.id === shot.id) + 1] ?? shots[shots.findIndex((one) => one.id === shot.id) - 1];
    if (await remove(this.projectId, shot)) this.show(neighbour?.id ?? null);
    else this.focusCard(shot.id);
  }

  walk(step) {
    if (document.activeElement?.closest("input, dialog")) return false;
    const { shots } = this.project ?? { shots: [] };
    if (!shots.length) return false;
    const at = shots.findIndex((shot) => shot.id === this.selectedShot().id);
    const onCard = document.activeElement?.closest("[data-shot], [data-slot]");
    const next = onCard ? Math.min(shots.length - 1, Math.max(0, at + step)) : at;
    this.show(shots[next].id, Boolean(document.activeElement?.closest("[data-slot]")));
    return true;
  }

  moveSelected(step) {
    const shot = this.selectedShot();
    if (!shot || !document.activeElement?.closest("[data-shot], [data-slot]")) return false;
    this.move(shot, step);
    return true;
  }

  async move(shot, step) {
    const going = order(this.projectId, moved(this.projectId, shot.id, step), shot.id);
    this.show(shot.id);
    await going;
    this.focusCard(shot.id);
  }

  drag(event, id) {
    const board = this.querySelector("[data-board]");
    this.set({ selected: id, drag: { id, target: null, side: null } });
    reorder(event, board, id, {
      over: (target, side) => this.set({ drag: { id, target, side } }),
      done: (target, side) => {
        this.set({ drag: null });
        if (target) order(this.projectId, placed(this.project.shots.map((shot) => shot.id), id, target, side), id);
        this.focusCard(id);
      },
    });
  }

  /** Select a shot, and bring it into sight. */
  show(id, inTimeline = false) {
    this.local = { ...this.local, selected: id };
    this.draw();
    this.focusCard(id, inTimeline);
  }

  focusCard(id, inTimeline = false) {
    if (!id) return;
    const name = CSS.escape(id);
    const card = this.querySelector(`[data-shot="${name}"]`);
    card?.scrollIntoView({ block: "nearest", inline: "nearest" });
    (inTimeline ? this.querySelector(`[data-slot="${name}"]`) : card?.querySelector(".shot-link"))?.focus({ preventScroll: !inTimeline });
  }

  open(id) {
    go(href("shot", { project: this.projectId, shot: id }));
  }
}

Storyboard.define("s2v-storyboard");
