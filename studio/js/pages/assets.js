// Assets: every project, to be found, opened and deleted.

import "../i18n/assets.js";
import { can } from "../core/config.js";
import { h } from "../core/dom.js";
import { ago, clock, hue, when } from "../core/format.js";
import { has, languageTag, t } from "../core/i18n.js";
import { href, setQuery } from "../core/router.js";
import { store } from "../core/store.js";
import { View } from "../core/view.js";
import { badge, button, empty, pageHead, picture, problem, select, skeleton } from "../components/basic.js";
import { confirm } from "../components/dialog.js";
import { icon } from "../components/icon.js";
import { coverOf } from "../components/media.js";
import { menu } from "../components/menu.js";
import { announce, notify, notifyError } from "../components/toasts.js";
import { deleteProject, loadProjects, undeleteProject } from "../state/projects.js";
import { forgetProject } from "../state/kept.js";

export const styles = ["pages/assets.css"];

const ON_A_PAGE = 24;
const TYPED_MS = 250;
const LOOK_MS = 4000;

const STATES = { ready: "done", failed: "failed", images_generated: "waiting", audio_generated: "waiting", video_generated: "waiting" };
const stateOf = (project) => STATES[project.status] ?? "working";

const FILTERS = {
  all: () => true,
  making: (project) => project.status !== "ready" && project.status !== "failed",
  ready: (project) => Boolean(project.videoUrl),
  failed: (project) => project.status === "failed",
};

const SORTS = {
  newest: (one, other) => (one.createdAt < other.createdAt ? 1 : -1),
  changed: (one, other) => (one.updatedAt < other.updatedAt ? 1 : -1),
  title: (one, other) => one.title.localeCompare(other.title, languageTag()),
  length: (one, other) => other.duration - one.duration,
};

export const titleOf = (project) => project.title || t("project.untitled");

class Assets extends View {
  static properties = ["route"];

  start() {
    this.asked = store.state.route.query.q ?? "";
    loadProjects(this.asked);
    const timer = setInterval(() => this.look(), LOOK_MS);
    this.until(() => clearInterval(timer));
  }

  /** What is in the making changes by itself. */
  look() {
    const { items, status } = store.state.projects;
    if (document.hidden || status !== "ready") return;
    if (store.state.connection === "offline" || items.some((project) => stateOf(project) === "working")) loadProjects(this.asked);
  }

  template() {
    const { projects } = store.state;
    return h("div", { class: "page" }, this.head(projects), this.tools(projects), this.content(projects));
  }

  head(projects) {
    const isKnown = projects.status === "ready" || projects.items.length > 0;
    return pageHead(t("nav.assets"), {
      lead: isKnown && projects.total ? t("assets.count", { n: projects.total }) : t("assets.lead"),
      actions: [button(t("nav.create"), { kind: "primary", icon: "plus", href: href("create") })],
    });
  }

  tools(projects) {
    const { q = "", filter = "all", sort = "newest" } = store.state.route.query;
    if (projects.status === "ready" && !projects.total && !q) return null;
    return h(
      "search",
      { class: "tools" },
      h(
        "div",
        { class: "search" },
        icon("search"),
        h("input", { type: "search", "aria-label": t("assets.search"), placeholder: t("assets.search"), value: this.typed ?? q, maxlength: "200", oninput: (event) => this.search(event.target.value) }),
      ),
      select({ "aria-label": t("assets.filter") }, Object.keys(FILTERS).map((name) => [name, t(`assets.filter.${name}`)]), filter, (value) => setQuery({ filter: value === "all" ? "" : value, page: "" })),
      select({ "aria-label": t("assets.sort") }, Object.keys(SORTS).map((name) => [name, t(`assets.sort.${name}`)]), sort, (value) => setQuery({ sort: value === "newest" ? "" : value, page: "" })),
    );
  }

  search(text) {
    this.typed = text;
    clearTimeout(this.typing);
    this.typing = setTimeout(async () => {
      this.asked = text.trim();
      setQuery({ q: this.asked, page: "" });
      await loadProjects(this.asked);
      announce(t("assets.count", { n: store.state.projects.total }));
    }, TYPED_MS);
  }

  content(projects) {
    if (projects.status === "failed") return problem(projects.error, { again: () => loadProjects(this.asked) });
    if (projects.status === "loading" || projects.status === "idle") return this.waiting();
    const { q, filter = "all", sort = "newest", page = "1" } = store.state.route.query;
    if (!projects.total && !q) return this.nothing();
    const found = projects.items.filter(FILTERS[filter] ?? FILTERS.all).sort(SORTS[sort] ?? SORTS.newest);
    if (!found.length) return empty(t("assets.none.title"), t("assets.none.text"), button(t("assets.none.clear"), { onclick: () => this.clear() }));
    const last = Math.ceil(found.length / ON_A_PAGE);
    const shown = Math.min(last, Math.max(1, Number(page) || 1));
    return [
      h("ul", { class: "projects" }, found.slice((shown - 1) * ON_A_PAGE, shown * ON_A_PAGE).map((project, place) => this.card(project, place < 4))),
      last > 1 && this.pages(shown, last),
    ];
  }

  waiting() {
    return h("div", { class: "projects", "aria-busy": "true" }, Array.from({ length: 8 }, (_, key) => h("div", { class: "card project", key }, h("span", { class: "skeleton-block" }), h("div", { class: "project-body" }, skeleton(2)))));
  }

  nothing() {
    return empty(t("assets.empty.title"), t("assets.empty.text"), button(t("nav.create"), { kind: "primary", icon: "wand", href: href("create"), class: "large" }), reel());
  }

  clear() {
    this.typed = "";
    this.asked = "";
    setQuery({ q: "", filter: "", page: "" });
    loadProjects();
  }

  card(project, eager) {
    const title = titleOf(project);
    const place = href(project.status === "ready" ? "film" : "storyboard", { project: project.id });
    return h(
      "li",
      { class: "card project", key: project.id },
      h(
        "a",
        { class: "project-link", href: place, "aria-labelledby": `title-${project.id}`, "aria-describedby": `facts-${project.id}` },
        picture(coverOf(project), { hue: hue(project.id), letter: [...title][0], eager }),
        h("span", { class: "over" }, badge(stateOf(project), t(`status.${project.status}`))),
        project.duration > 0 && h("span", { class: "over length numbers" }, h("span", { class: "badge" }, clock(project.duration))),
      ),
      h(
        "div",
        { class: "project-body" },
        h("h2", { class: "project-title", id: `title-${project.id}`, dir: "auto" }, title),
        h("p", { class: "small muted clip", id: `facts-${project.id}`, title: when(project.createdAt) }, [ago(project.createdAt), project.shotCount ? t("shots.n", { n: project.shotCount }) : null, style(project.style)].filter(Boolean).join(" · ")),
        menu({ label: t("assets.more", { title }), items: this.actions(project, title) }),
      ),
    );
  }

  actions(project, title) {
    return [
      { label: t("nav.storyboard"), icon: "board", href: href("storyboard", { project: project.id }) },
      { label: t("nav.film"), icon: "film", href: href("film", { project: project.id }) },
      "-",
      { label: t("action.delete"), icon: "trash", danger: true, run: () => this.askAndDelete(project, title) },
    ];
  }

  async askAndDelete(project, title) {
    const undo = can("undelete");
    const text = `${t("assets.delete.text")} ${t(undo ? "assets.delete.undo" : "assets.delete.final")}`;
    if (!(await confirm({ title: t("assets.delete.title", { title }), text, action: t("action.delete") }))) return;
    try {
      const until = await deleteProject(project.id);
      forgetProject(project.id);
      notify(t("assets.deleted", { title }), { action: until && { text: t("action.undo"), run: () => this.restore(project, title) } });
    } catch (error) {
      notifyError(error);
    }
    document.querySelector("#page-title")?.focus();
  }

  async restore(project, title) {
    try {
      await undeleteProject(project.id);
      notify(t("assets.undone", { title }));
    } catch (error) {
      notifyError(error);
    }
  }

  pages(shown, last) {
    const to = (page) => href("assets", {}, { ...store.state.route.query, page: page === 1 ? "" : page });
    const wanted = [...new Set([1, shown - 1, shown, shown + 1, last])].filter((page) => page >= 1 && page <= last);
    return h(
      "nav",
      { class: "pages", "aria-label": t("assets.pages") },
      button("", { icon: "left", label: t("assets.previous"), href: to(shown - 1), disabled: shown === 1 }),
      wanted.map((page) => h("a", { class: "button ghost numbers", href: to(page), key: page, "aria-label": t("assets.page", { n: page }), "aria-current": page === shown ? "page" : null }, String(page))),
      button("", { icon: "right", label: t("assets.next"), href: to(shown + 1), disabled: shown === last }),
    );
  }
}

const style = (name) => (has(`style.${name}`) ? t(`style.${name}`) : name);

/** A strip of film with a story in it. */
function reel() {
  return h(
    "svg",
    { class: "reel", viewBox: "0 0 320 150", "aria-hidden": "true" },
    [[14, 210], [116, 262], [218, 18]].map(([x, tone]) =>
      h(
        "g",
        {},
        h("rect", { x, y: 24, width: 90, height: 102, rx: 12, fill: `hsl(${tone} 60% 55%)`, opacity: "0.2" }),
        h("rect", { x: x + 7, y: 38, width: 76, height: 74, rx: 7, fill: `hsl(${tone} 60% 58%)`, opacity: "0.85" }),
        h("circle", { cx: x + 62, cy: 56, r: 8, fill: "#fff", opacity: "0.85" }),
        h("path", { d: `M${x + 7} 100 l22 -28 l18 20 l14 -12 l22 24 v8 h-76z`, fill: "#fff", opacity: "0.35" }),
      ),
    ),
  );
}

Assets.define("s2v-assets");
