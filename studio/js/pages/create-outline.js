// <s2v-outline .project>: what becomes of a new story, as it becomes it.

import { h } from "../core/dom.js";
import { t } from "../core/i18n.js";
import { hue } from "../core/format.js";
import { go, href, setQuery } from "../core/router.js";
import { store } from "../core/store.js";
import { View } from "../core/view.js";
import { badge, button, pageHead, picture, problem, progress, skeleton } from "../components/basic.js";
import { failure } from "../components/failure.js";
import { shotPicture } from "../components/media.js";
import { announce } from "../components/toasts.js";
import { watch } from "../state/live.js";
import { ACTIVE, loadProject, ownTask, progressOf, stateOf, taskOf } from "../state/project.js";

class Outline extends View {
  static properties = ["project"];

  start() {
    this.until(watch(this.project));
  }

  template() {
    const project = store.state.project[this.project];
    if (!project?.detail) {
      const isGone = project?.status === "failed" || project?.status === "gone";
      return h("div", { class: "page" }, pageHead(t("create.outline")), isGone ? problem(project.error ?? new Error(t("missing.text")), { again: () => loadProject(this.project).catch(() => {}) }) : skeleton(4));
    }
    const counts = progressOf(project);
    const story = ownTask(project, "generate_storyboard");
    const step = this.step(project, counts, story);
    return h(
      "div",
      { class: "page" },
      pageHead(project.detail.title || t("project.untitled"), {
        lead: t(step.text),
        actions: [
          button(t("create.another"), { kind: "ghost", icon: "plus", onclick: () => setQuery({ p: "" }, { replace: false }) }),
          project.detail.videoUrl && button(t("create.watch"), { icon: "play", href: href("film", { project: this.project }) }),
          button(t("create.open"), { kind: "primary", icon: "board", onclick: () => go(href("storyboard", { project: this.project })), disabled: !counts.shots }),
        ].filter(Boolean),
      }),
      progress(step.value, counts.shots ? t("create.of", counts) : t("create.waiting"), { label: t(step.text) }),
      story?.status === "failed" && failure(story),
      this.film(project),
      h("h2", {}, t("create.outline")),
      h("ol", { class: "outline" }, counts.shots ? project.shots.map((shot) => this.shot(project, shot)) : this.awaited(project.detail.shotCount)),
    );
  }

  /** The film that follows by itself, where it was asked for. */
  film(project) {
    const task = ownTask(project, "generate_video");
    if (task?.status === "failed") return failure(task);
    if (!task || !ACTIVE.has(task.status)) return null;
    return h("div", { class: "panel" }, progress(task.status === "processing" ? task.progress : undefined, task.message || t("create.filming"), { label: t("task.generate_video") }));
  }

  step(project, counts, story) {
    if (!counts.shots) return { text: "create.making", value: ACTIVE.has(story?.status) ? (story.progress || 0) * 0.3 : undefined };
    const done = counts.painted === counts.shots;
    return { text: done ? "create.painted" : "create.painting", value: 30 + (70 * counts.painted) / counts.shots };
  }

  shot(project, shot) {
    const task = taskOf(project, shot.id, "generate_shot");
    return h(
      "li",
      { class: "card outline-shot", key: shot.id },
      picture(shotPicture(shot, 240), { hue: hue(shot.id), letter: String(shot.order), ratio: ratio(project.detail.aspect) }),
      h(
        "div",
        { class: "outline-body" },
        h("div", { class: "row" }, h("h3", { class: "grow", dir: "auto" }, `${shot.order}. ${shot.title}`), badge(stateOf(project, shot))),
        h("p", { class: "muted", dir: "auto" }, shot.narration || shot.prompt),
        task?.status === "processing" && progress(task.progress, "", { label: `${t("state.working")} ${shot.order}` }),
        task?.status === "failed" && failure(task, { shot }),
      ),
    );
  }

  awaited(count) {
    return Array.from({ length: count || 6 }, (_, place) => h("li", { class: "card outline-shot", key: `awaited ${place}` }, h("span", { class: "skeleton-block" }), h("div", { class: "outline-body" }, skeleton(3))));
  }

  drawn() {
    const project = store.state.project[this.project];
    if (!project?.detail) return;
    const { shots, painted } = progressOf(project);
    const said = shots ? (painted === shots ? "create.painted" : "create.painting") : "create.making";
    if (this.said && this.said !== said) announce(t(said));
    this.said = said;
    if (this.isMet) return;
    this.isMet = true; // the form's button, which had the focus, is gone
    scrollTo(0, 0);
    this.querySelector("#page-title").focus({ preventScroll: true });
  }
}

/** The CSS aspect ratio of a project's pictures. */
function ratio(aspect) {
  return (aspect || "1:1").replace(":", " / ");
}

Outline.define("s2v-outline");
