// The film: to be watched, compared, exported and taken away.

import "../i18n/board.js";
import "../i18n/shot.js";
import "../i18n/film.js";
import { can } from "../core/config.js";
import { h } from "../core/dom.js";
import { clock, hue } from "../core/format.js";
import { t } from "../core/i18n.js";
import { href, setQuery } from "../core/router.js";
import { hasCookies } from "../core/session.js";
import { store } from "../core/store.js";
import { View } from "../core/view.js";
import { button, empty, pageHead, picture, problem, progress, skeleton } from "../components/basic.js";
import { tried } from "../components/board-actions.js";
import { failure } from "../components/failure.js";
import { filmVersions, staleShots } from "../components/film-versions.js";
import { icon } from "../components/icon.js";
import { shotPicture } from "../components/media.js";
import { projectTabs } from "../components/shell.js";
import { notify } from "../components/toasts.js";
import "../components/export-form.js";
import "../components/player.js";
import { timingsOf } from "../state/lengths.js";
import { watch } from "../state/live.js";
import { ACTIVE, loadProject, ownTask, progressOf } from "../state/project.js";
import { cancelTask } from "../state/projects.js";

export const styles = ["pages/shot.css", "pages/film.css"];

const CHAPTER = 120; // CSS pixels of a chapter's picture

class FilmPage extends View {
  static properties = ["route"];

  start() {
    this.projectId = this.route.params.project;
    this.local = { chapters: null, of: "" };
    this.until(watch(this.projectId));
  }

  get project() {
    return store.state.project[this.projectId];
  }

  /** The version that the address names, else the newest that is whole, else the newest. */
  get shown() {
    const films = this.project?.films ?? [];
    const wanted = Number(store.state.route.query.v);
    return films.find((film) => film.number === wanted) ?? films.find((film) => film.mode !== "preview" && !film.parameters?.first_seconds) ?? films[0] ?? null;
  }

  get other() {
    const wanted = Number(store.state.route.query.with);
    return (this.project?.films ?? []).find((film) => film.number === wanted && film.number !== this.shown.number) ?? null;
  }

  template() {
    const { project } = this;
    if (!project?.detail && project?.status !== "failed" && project?.status !== "gone") return h("div", { class: "page" }, skeleton(6));
    if (project.status === "gone") return h("div", { class: "page" }, empty(t("board.gone.title"), t("board.gone.text"), button(t("nav.assets"), { kind: "primary", href: href("assets") })));
    if (!project.detail) return h("div", { class: "page" }, problem(project.error, { again: () => loadProject(this.projectId).catch(() => {}) }));
    const film = this.shown;
    this.loadChapters(film);
    return h("div", { class: "page" }, this.head(project, film), projectTabs(this.projectId, "film"), this.news(project), film ? this.content(project, film) : this.nothing(project));
  }

  head(project, film) {
    const title = project.detail.title || t("project.untitled");
    return pageHead(title, {
      above: h("a", { class: "above", href: href("storyboard", { project: this.projectId }) }, icon("left"), t("film.none.board")),
      lead: film ? t("film.lead", { title: t("film.version", { n: film.number }), length: clock(film.duration) }) : "",
      actions: [can("archive") && hasCookies() && button(t("film.zip"), { icon: "download", href: `/v1/api/projects/${encodeURIComponent(this.projectId)}/archive`, download: "" })].filter(Boolean),
    });
  }

  news(project) {
    const task = ownTask(project, "generate_video");
    if (task?.status === "failed") return failure(task);
    if (!task || !ACTIVE.has(task.status)) return null;
    return h(
      "div",
      { class: "panel making", key: task.id },
      h("strong", {}, t("film.making")),
      h("div", { class: "grow" }, progress(task.status === "processing" ? task.progress : null, task.message || t("state.waiting"), { label: t("film.making") })),
      button(t("export.cancel"), { kind: "ghost", icon: "stop", class: "small", onclick: () => tried(async () => { await cancelTask(task); notify(t("export.cancelled"), { kind: "info" }); }) }),
    );
  }

  nothing(project) {
    return h(
      "div",
      { class: "film-page" },
      empty(t("film.none.title"), t("film.none.text"), this.firstStep(project)),
      project.shots.length > 0 && h("s2v-export", { project: this.projectId }),
    );
  }

  /** Towards the first film: ask for it where all is painted, else look after the shots. */
  firstStep(project) {
    const { shots, painted } = progressOf(project);
    const task = ownTask(project, "generate_video");
    if (task && ACTIVE.has(task.status)) return null;
    if (shots && painted === shots) return button(t("board.film"), { kind: "primary", icon: "film", onclick: () => this.querySelector("s2v-export").begin() });
    return button(t("film.none.board"), { kind: "primary", icon: "board", href: href("storyboard", { project: this.projectId }) });
  }

  content(project, film) {
    return h(
      "div",
      { class: "film-page" },
      h(
        "div",
        { class: "stack film-left" },
        h("s2v-player", { film, other: this.other, chapters: this.local.chapters, project: this.projectId }),
        film.stale && h("div", { class: "panel" }, staleShots(project, film)),
        this.chapters(project),
        filmVersions(project, film, this.other, { watch: (one) => this.watch(one), compare: (one) => setQuery({ with: one?.number ?? "" }) }),
      ),
      h("s2v-export", { project: this.projectId }),
    );
  }

  watch(film) {
    const player = this.querySelector("s2v-player");
    player.startAt = Math.min(player.video?.currentTime ?? 0, film.duration);
    setQuery({ v: film.number, with: "" }, { replace: false });
  }

  chapters(project) {
    const { chapters } = this.local;
    if (!chapters?.length) return null;
    return h(
      "section",
      { class: "panel stack", "aria-label": t("chapters.title") },
      h("h2", {}, icon("board"), t("chapters.title")),
      h(
        "ol",
        { class: "chapters" },
        chapters.map((one) => {
          const shot = project.shots.find((each) => each.order === one.order);
          return h(
            "li",
            { key: one.order },
            h(
              "button",
              { type: "button", class: "chapter", "aria-label": t("chapters.go", { n: one.order, title: shot?.title ?? "", at: clock(one.start) }), onclick: () => this.querySelector("s2v-player").seek(one.start + 0.01) },
              picture(shot ? shotPicture(shot, CHAPTER) : "", { hue: hue(shot?.id ?? String(one.order)), letter: String(one.order) }),
              h("span", { class: "chapter-title clip", dir: "auto" }, shot?.title || t("card.shot", { n: one.order })),
              h("span", { class: "small muted numbers" }, clock(one.start)),
            ),
          );
        }),
      ),
    );
  }

  async loadChapters(film) {
    const name = film?.id ?? "";
    if (this.local.of === name) return;
    this.local = { ...this.local, of: name, chapters: null };
    const chapters = film && (await timingsOf(film));
    if (this.local.of === name && chapters) this.set({ chapters });
  }
}

FilmPage.define("s2v-film");
