// One shot: its picture on the left, what it says on the right, and all that it ever was below.

import "../i18n/board.js";
import "../i18n/shot.js";
import { h } from "../core/dom.js";
import { t } from "../core/i18n.js";
import { shortcuts } from "../core/keys.js";
import { go, guard, href } from "../core/router.js";
import { store } from "../core/store.js";
import { View } from "../core/view.js";
import { button, choices, empty, field, pageHead, select, skeleton } from "../components/basic.js";
import { tried } from "../components/board-actions.js";
import { conflict } from "../components/conflict.js";
import { failure } from "../components/failure.js";
import { icon } from "../components/icon.js";
import { clipPanel, isOldNarration, narrationPanel, paintPanel, stage } from "../components/shot-media.js";
import { notify } from "../components/toasts.js";
import "../components/versions.js";
import { can } from "../core/config.js";
import { Autosave } from "../state/autosave.js";
import { loadCast } from "../state/cast.js";
import { watch } from "../state/live.js";
import { ACTIVE, taskOf } from "../state/project.js";
import { paint, readShot } from "../state/shots.js";

export const styles = ["pages/storyboard.css", "pages/shot.css"];

const TRANSITIONS = ["", "cut", "crossfade", "fade", "slide_left", "slide_right", "wipe_left", "wipe_right"];
const MOTIONS = ["", "auto", "none"];
const KINDS = ["generate_shot", "generate_audio", "generate_video"];

class ShotPage extends View {
  static properties = ["route"];

  start() {
    this.projectId = this.route.params.project;
    this.shotId = this.route.params.shot;
    this.local = { seed: "", negative: "", steps: "", cfg: "", seconds: "", asked: "" };
    this.words = new Autosave(this.projectId, this.shotId, { changed: () => this.refresh(), conflict });
    this.until(watch(this.projectId));
    loadCast(this.projectId).catch(() => {});
    readShot(this.projectId, this.shotId).then(() => this.words.isRestored && this.words.save(), () => {});
    this.until(shortcuts("shot.form", [
      { keys: "ArrowLeft", label: "key.previous", run: () => this.step(-1) },
      { keys: "ArrowRight", label: "key.next", run: () => this.step(1) },
      { keys: "Escape", label: "key.board", run: () => this.back() },
      { keys: "Mod+Enter", label: "key.paint", run: () => void this.paint() },
      { keys: "Mod+s", label: "key.save", run: () => void this.words.save() },
    ]));
    this.until(guard(() => { this.words.save(); return true; }));
    const leaving = (event) => this.words.state === "saving" && event.preventDefault();
    addEventListener("beforeunload", leaving);
    this.until(() => removeEventListener("beforeunload", leaving));
  }

  stop() {
    this.words.save();
  }

  get project() {
    return store.state.project[this.projectId];
  }

  get shot() {
    return this.project?.shots.find((shot) => shot.id === this.shotId);
  }

  template() {
    const { project, shot } = this;
    if (!project?.detail) return h("div", { class: "page" }, skeleton(6));
    if (!shot) return h("div", { class: "page" }, empty(t("shot.gone.title"), t("shot.gone.text"), button(t("shot.back"), { kind: "primary", icon: "board", href: href("storyboard", { project: this.projectId }) })));
    return h("div", { class: "page" }, this.head(project, shot), this.failures(project, shot), h("div", { class: "shot-page" }, this.left(project, shot), this.form(project, shot)));
  }

  head(project, shot) {
    const { shots } = project;
    const at = shots.indexOf(shot);
    const isWhole = nextOf(shot, this.local) === "";
    const to = (place, label, picture) =>
      button("", { icon: picture, kind: isWhole && place > at && shots[place] ? "primary" : "", label: t(label), class: "step", href: shots[place] && href("shot", { project: this.projectId, shot: shots[place].id }, { v: this.route.query.v }), disabled: !shots[place] });
    return pageHead(t("shot.title", { n: shot.order, title: this.words.value(shot, "title") || t("card.untitled") }), {
      above: h("a", { class: "above", href: href("storyboard", { project: this.projectId }, { shot: shot.id }) }, icon("left"), t("shot.back")),
      actions: [this.saved(shot), to(at - 1, "shot.previous", "left"), h("span", { class: "numbers muted" }, t("shot.of", { n: at + 1, total: shots.length })), to(at + 1, "shot.next", "right"), isWhole && !shots[at + 1] && button(t("nav.storyboard"), { kind: "primary", icon: "board", href: href("storyboard", { project: this.projectId }, { shot: shot.id }) })].filter(Boolean),
    });
  }

  saved() {
    const { state, error } = this.words;
    const pictures = { saved: "check", saving: "clock", typed: "edit", failed: "warn" };
    return h("span", { class: `save-state ${state}`, role: "status", "data-state": state }, icon(pictures[state]), h("span", { dir: "auto" }, t(`save.${state}`, { why: error?.message ?? "" })));
  }

  failures(project, shot) {
    return KINDS.map((type) => taskOf(project, shot.id, type)).filter((task) => task?.status === "failed").map((task) => failure(task, { shot }));
  }

  left(project, shot) {
    return h(
      "div",
      { class: "stack shot-left" },
      stage(project, shot),
      paintPanel(project, shot, { ...this.local, isNext: nextOf(shot, this.local) === "paint" }, { set: (values) => this.set(values), paint: () => this.paint() }),
      can("versions") && h("s2v-versions", { project: this.projectId, shot }),
    );
  }

  form(project, shot) {
    const text = (name, extra = {}) => (attributes) => h(extra.rows ? "textarea" : "input", { ...attributes, ...extra, dir: "auto", value: this.words.value(shot, name), oninput: (event) => this.type(shot, name, event.target.value), onchange: () => this.words.save() });
    const pick = (name, value) => { this.words.type(shot, name, value); this.words.save(); };
    const transition = this.words.value(shot, "transition");
    const known = TRANSITIONS.includes(transition) ? TRANSITIONS : [...TRANSITIONS, transition];
    return h(
      "form",
      { class: "stack shot-form", "aria-label": t("shot.form"), onsubmit: (event) => { event.preventDefault(); this.words.save(); } },
      this.words.isRestored && h("p", { class: "panel small restored", role: "status" }, icon("history"), h("span", { class: "grow" }, t("save.restored")), button(t("save.discard"), { kind: "ghost", class: "small", onclick: () => { this.words.discard(); } })),
      field(t("shot.name"), { id: "shot-name" }, text("title", { maxlength: "200", autocomplete: "off", readonly: !can("order") })),
      field(t("shot.prompt"), { id: "shot-prompt", hint: t("shot.prompt.hint") }, text("prompt", { rows: "6", maxlength: "4000" })),
      field(t("shot.narration"), { id: "shot-narration", hint: t("shot.narration.hint") }, text("narration", { rows: "5", maxlength: "20000" })),
      h(
        "div",
        { class: "pair" },
        field(t("shot.transition"), { id: "shot-transition" }, (attributes) => select({ ...attributes, disabled: !can("order") }, known.map((name) => [name, TRANSITIONS.includes(name) ? t(`transition.${name}`) : name]), transition, (value) => pick("transition", value))),
        choices("motion", t("shot.motion"), MOTIONS.map((value) => ({ value, label: t(`shot.motion.${value}`) })), this.words.value(shot, "motion"), (value) => pick("motion", value), { class: "small" }),
      ),
      this.cast(project, shot, pick),
      narrationPanel(project, shot, { words: this.words.value(shot, "narration"), isNext: nextOf(shot, this.local) === "speak", save: () => this.words.save() }),
      clipPanel(project, shot, this.local, { set: (values) => this.set(values), save: () => this.words.save() }),
    );
  }

  type(shot, name, value) {
    if (name === "prompt") this.set({ reworded: true });
    this.words.type(shot, name, value);
  }

  /** Who appears: only where the server can be told. */
  cast(project, shot, pick) {
    if (!Array.isArray(shot.cast) || !project.cast?.some((one) => one.id)) return null;
    const chosen = this.words.value(shot, "cast");
    const change = (id, isIn) => pick("cast", isIn ? [...chosen, id] : chosen.filter((one) => one !== id));
    return h(
      "fieldset",
      { class: "choices small" },
      h("legend", {}, t("shot.cast")),
      h("div", { class: "choices-row" }, project.cast.map((one) => h("label", { class: "choice", key: one.id }, h("input", { type: "checkbox", checked: chosen.includes(one.id), onchange: (event) => change(one.id, event.target.checked) }), h("span", { class: "choice-face", dir: "auto" }, one.name)))),
    );
  }

  async paint() {
    const { shot } = this;
    if (!shot || ACTIVE.has(taskOf(this.project, shot.id, "generate_shot")?.status)) return;
    const { seed, negative, steps, cfg } = this.local;
    this.set({ asked: "paint", reworded: false });
    await tried(async () => {
      if (!(await this.words.save())) return;
      await paint(this.projectId, shot.id, { prompt: this.shot.prompt, seed: seed || undefined, negative_prompt: negative || undefined, steps: steps || undefined, cfg_scale: cfg || undefined });
      notify(t("paint.asked"), { kind: "info" });
    });
    this.set({ asked: "" });
  }

  step(by) {
    const { shots } = this.project ?? { shots: [] };
    const next = shots[shots.findIndex((shot) => shot.id === this.shotId) + by];
    if (!next) return false;
    go(href("shot", { project: this.projectId, shot: next.id }, { v: store.state.route.query.v }));
    return true;
  }

  back() {
    go(href("storyboard", { project: this.projectId }, { shot: this.shotId }));
  }
}

/** What this shot needs next: "paint", "speak", or nothing. */
function nextOf(shot, { reworded }) {
  if (!shot.imagePath || reworded) return "paint";
  return shot.narration?.trim() && (!shot.audioPath || isOldNarration(shot)) ? "speak" : "";
}

ShotPage.define("s2v-shot");
