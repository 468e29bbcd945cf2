// Options of a project: what later pictures, narrations and films are made with.

import "../i18n/options.js";
import { config } from "../core/config.js";
import { h } from "../core/dom.js";
import { t } from "../core/i18n.js";
import { shortcuts } from "../core/keys.js";
import { href } from "../core/router.js";
import { store } from "../core/store.js";
import { View } from "../core/view.js";
import { button, choices, field, pageHead, picture, problem, select, skeleton } from "../components/basic.js";
import { icon } from "../components/icon.js";
import { listenButton, silence } from "../components/listen.js";
import { shotPicture } from "../components/media.js";
import { projectTabs } from "../components/shell.js";
import { notify } from "../components/toasts.js";
import { loadMusic, loadVoices } from "../state/library.js";
import { watch } from "../state/live.js";
import { loadOptions, saveOptions } from "../state/options.js";

export const styles = ["pages/options.css"];

const LANGUAGES = ["", "zh", "en", "ja"];
const STYLE = { size: 1, colour: "#FFFFFF", outline: 1, position: "bottom", karaoke: false };

class Options extends View {
  static properties = ["route"];

  start() {
    this.projectId = store.state.route.params.project;
    this.local = { form: {}, busy: false, error: null };
    this.until(watch(this.projectId));
    this.until(shortcuts("nav.options", [{ keys: "Mod+Enter", label: "action.save", run: () => this.save() }]));
    loadVoices();
    loadMusic();
    loadOptions(this.projectId).catch((error) => this.set({ error }));
  }

  stop() {
    silence();
  }

  get project() {
    return store.state.project[this.projectId];
  }

  /** What stands in a field: what was typed, else what the project has. */
  value(name, otherwise = "") {
    return this.local.form[name] ?? this.project.options[name] ?? otherwise;
  }

  get subtitles() {
    return { ...STYLE, ...this.project.options.subtitle_style, ...this.local.form.subtitle_style };
  }

  change(values) {
    this.set({ form: { ...this.local.form, ...values }, error: null });
  }

  changeStyle(values) {
    this.change({ subtitle_style: { ...this.local.form.subtitle_style, ...values } });
  }

  template() {
    const { project } = this;
    return h(
      "form",
      { class: "page", novalidate: true, onsubmit: (event) => { event.preventDefault(); this.save(); } },
      pageHead(t("nav.options"), {
        above: h("a", { class: "above", href: href("storyboard", { project: this.projectId }), dir: "auto" }, icon("left"), project?.detail?.title || t("nav.storyboard")),
        lead: t("options.lead"),
        actions: [button(t("action.save"), { kind: "primary", icon: "check", type: "submit", busy: this.local.busy, disabled: !Object.keys(this.local.form).length, onclick: () => {} })],
      }),
      projectTabs(this.projectId, "options"),
      !project?.options ? (this.local.error ? problem(this.local.error) : skeleton(6)) : h("div", { class: "options" }, this.plain(project), this.subtitle(project)),
    );
  }

  plain(project) {
    const { error } = this.local;
    const wrong = (name) => (error?.field === name ? error.message : "");
    return h(
      "section",
      { class: "card padded stack" },
      field(t("options.title"), { id: "title", error: wrong("title") }, (attributes) =>
        h("input", { ...attributes, type: "text", maxlength: config.story.maxTitle, dir: "auto", value: this.local.form.title ?? project.detail?.title ?? "", oninput: (event) => this.change({ title: event.target.value }) }),
      ),
      this.sound(),
      field(t("options.seed"), { id: "seed", hint: t("options.seed.hint"), error: wrong("seed") }, (attributes) => h("input", { ...attributes, type: "text", inputmode: "numeric", value: String(this.value("seed")), oninput: (event) => this.change({ seed: event.target.value.trim() }) })),
      error && !["title", "seed"].includes(error.field) && h("p", { class: "error", role: "alert" }, icon("warn"), error.message),
    );
  }

  sound() {
    const { voices, music } = store.state;
    const voice = voices.items.find((one) => one.id === this.value("voice"));
    const piece = music.items.find((one) => one.id === this.value("music"));
    const languages = [...new Set([...LANGUAGES, this.value("language")])];
    const named = (code) => (code === "" ? t("options.language.auto") : LANGUAGES.includes(code) ? t(`options.language.${code}`) : code);
    return [
      field(t("options.language"), { id: "language" }, (attributes) => select(attributes, languages.map((code) => [code, named(code)]), this.value("language"), (language) => this.change({ language }))),
      field(t("options.voice"), { id: "voice" }, (attributes) =>
        h("div", { class: "with-button" }, select(attributes, [["", t("options.voice.own")], ...voices.items.map((one) => [one.id, [one.name, one.language].filter(Boolean).join(" · ")])], this.value("voice"), (value) => this.change({ voice: value })), listenButton(voice?.sample ?? "", voice?.name ?? t("options.voice.own"))),
      ),
      field(t("options.music"), { id: "music" }, (attributes) =>
        h("div", { class: "with-button" }, select(attributes, [["", t("options.music.none")], ["auto", t("options.music.auto")], ...music.items.map((one) => [one.id, one.title])], this.value("music"), (value) => this.change({ music: value })), listenButton(piece?.url ?? "", piece?.title ?? t("options.music"))),
      ),
    ];
  }

  subtitle(project) {
    const style = this.subtitles;
    const range = (name, min, max) =>
      field(t(`options.${name}`), { id: name, aside: h("span", { class: "muted numbers" }, `${style[name]} ×`) }, (attributes) =>
        h("input", { ...attributes, type: "range", min, max, step: 0.1, value: String(style[name]), oninput: (event) => this.changeStyle({ [name]: Number(event.target.value) }) }),
      );
    return h(
      "section",
      { class: "card padded stack" },
      h("h2", {}, t("options.subtitles")),
      h("p", { class: "hint" }, t("options.subtitles.hint")),
      this.preview(project, style),
      range("size", 0.5, 2),
      range("outline", 0, 3),
      field(t("options.colour"), { id: "colour" }, (attributes) => h("input", { ...attributes, type: "color", value: style.colour.toLowerCase(), oninput: (event) => this.changeStyle({ colour: event.target.value.toUpperCase() }) })),
      choices("position", t("options.position"), ["top", "middle", "bottom"].map((value) => ({ value, label: t(`options.position.${value}`) })), style.position, (position) => this.changeStyle({ position })),
      h("label", { class: "check" }, h("input", { type: "checkbox", checked: style.karaoke, onchange: (event) => this.changeStyle({ karaoke: event.target.checked }) }), h("span", {}, t("options.karaoke"))),
    );
  }

  /** A line over the project's first picture, as a player would show it. */
  preview(project, style) {
    const first = project.shots.find((shot) => shot.imagePath);
    const words = t("options.sample");
    const half = style.karaoke ? Math.ceil(words.length / 2) : words.length;
    return h(
      "div",
      { class: `subtitle-preview ${style.position}`, role: "img", "aria-label": t("options.preview") },
      picture(first ? shotPicture(first, 640) : "", { hue: 220 }),
      h(
        "p",
        { "aria-hidden": "true", style: { fontSize: `${style.size * 4.6}cqi`, "-webkit-text-stroke": `${style.outline * 0.6}cqi #000` } },
        h("span", { style: { color: style.colour } }, words.slice(0, half)),
        h("span", { style: { color: "#ffffff" } }, words.slice(half)),
      ),
    );
  }

  async save() {
    const { form, busy } = this.local;
    if (busy || !Object.keys(form).length) return;
    this.set({ busy: true, error: null });
    try {
      await saveOptions(this.projectId, form);
      this.set({ form: {} });
      notify(t("options.saved"));
    } catch (error) {
      if (error.status === 412) notify(t("options.changed"), { kind: "info" });
      else this.set({ error });
    }
    this.set({ busy: false });
    this.querySelector("#page-title")?.focus();
  }
}

Options.define("s2v-options");
