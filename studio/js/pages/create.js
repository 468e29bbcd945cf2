// Create: a story and how it is to be told; then its outline, as its parts arrive.

import "../i18n/create.js";
import { newKey } from "../core/api.js";
import { can, config } from "../core/config.js";
import { h } from "../core/dom.js";
import { draft, keepDraft } from "../core/drafts.js";
import { characters, number } from "../core/format.js";
import { currentLanguage, t } from "../core/i18n.js";
import { shortcuts } from "../core/keys.js";
import { setQuery } from "../core/router.js";
import { store } from "../core/store.js";
import { readText } from "../core/textfile.js";
import { View } from "../core/view.js";
import { button, choices, field, pageHead, select } from "../components/basic.js";
import { icon } from "../components/icon.js";
import { listenButton, silence } from "../components/listen.js";
import { STYLES, styleArt } from "../components/styles-art.js";
import { notify, notifyError } from "../components/toasts.js";
import { loadMusic, loadVoices } from "../state/library.js";
import { batchType, createProject } from "../state/projects.js";
import { importStories } from "./create-batch.js";
import { EXAMPLES } from "./create-examples.js";
import "./create-outline.js";

export const styles = ["pages/create.css"];

const ASPECTS = ["16:9", "9:16", "1:1", "4:3", "3:4"];
const DRAFT = "create";
const NEW = { story: "", title: "", style: "movie", own: "", aspect: "16:9", shots: "", voice: "", music: "", telling: "verbatim", film: true };
const BELOW = 200; // characters left from which on it is said

class Create extends View {
  static properties = ["route"];

  start() {
    this.local = { form: { ...NEW, ...draft(DRAFT) }, busy: false, error: null, over: false };
    loadVoices();
    loadMusic();
    this.until(shortcuts("nav.create", [{ keys: "Mod+Enter", label: "create.start", run: () => this.send() }]));
  }

  stop() {
    silence();
  }

  change(values) {
    const form = { ...this.local.form, ...values };
    keepDraft(DRAFT, form);
    this.set({ form, error: null });
  }

  template() {
    const id = store.state.route.query.p;
    if (id) return h("s2v-outline", { key: id, project: id });
    return h(
      "form",
      { class: "page", novalidate: true, key: "form", onsubmit: (event) => { event.preventDefault(); this.send(); } },
      pageHead(t("nav.create"), { lead: t("create.lead") }),
      h("div", { class: "create" }, this.left(), this.right()),
    );
  }

  left() {
    const { form, error } = this.local;
    return h(
      "section",
      { class: "create-text stack" },
      field(t("create.title"), { id: "title", error: error?.field === "title" ? error.message : "" }, (attributes) =>
        h("input", { ...attributes, type: "text", value: form.title, dir: "auto", maxlength: config.story.maxTitle, placeholder: t("create.title.hint"), autocomplete: "off", oninput: (event) => this.change({ title: event.target.value }) }),
      ),
      this.story(form, error),
    );
  }

  story(form, error) {
    const count = characters(form.story);
    const most = config.story.maxChars;
    const wrong = error?.field && /story/i.test(error.field) ? error.message : "";
    const aside = h("span", { class: `count numbers ${count > most ? "over-limit" : ""}` }, t("create.story.count", { n: number(count), most: number(most) }));
    return h(
      "div",
      {
        class: `drop ${this.local.over ? "over-it" : ""}`,
        ondragover: (event) => this.dragged(event, true),
        ondragleave: (event) => !event.currentTarget.contains(event.relatedTarget) && this.set({ over: false }),
        ondrop: (event) => this.dropped(event),
      },
      field(t("create.story"), { id: "story", hint: `${t("create.story.hint")} ${can("batch") ? t("batch.hint") : ""}`, error: wrong || (count > most ? t("create.story.over", { n: count - most }) : ""), aside }, (attributes) =>
        h("textarea", { ...attributes, rows: 14, required: true, dir: "auto", value: form.story, placeholder: t("create.story.placeholder"), oninput: (event) => this.change({ story: event.target.value }) }),
      ),
      h("p", { class: "sr-only", role: "status" }, most - count < BELOW && count <= most ? t("create.story.left", { n: most - count }) : ""),
      h(
        "div",
        { class: "row" },
        button(t("create.file"), { icon: "text", onclick: () => this.querySelector("#file").click() }),
        h("input", { id: "file", class: "sr-only", type: "file", tabindex: "-1", "aria-label": t("create.file"), accept: `.txt,.md,.markdown,text/plain,text/markdown${can("batch") ? ",.zip,.jsonl,.ndjson" : ""}`, onchange: (event) => this.take(event.target.files[0]) }),
        !form.story && button(t("create.example"), { kind: "ghost", icon: "wand", onclick: () => this.change({ ...EXAMPLES[currentLanguage()] }) }),
        form.story && button(t("create.clear"), { kind: "ghost", icon: "close", onclick: () => this.clear() }),
      ),
      h("div", { class: "drop-veil", "aria-hidden": "true" }, icon("text"), t("create.drop")),
    );
  }

  right() {
    const { form, busy, error } = this.local;
    return h(
      "section",
      { class: "create-options card" },
      h(
        "div",
        { class: "create-form padded stack" },
        this.styles(form),
        choices("aspect", t("create.aspect"), ASPECTS.map((value) => ({ value, label: value, content: shape(value) })), form.aspect, (aspect) => this.change({ aspect }), { class: "aspects" }),
        this.shots(form),
        can("resume") && this.sound(form),
        choices("telling", t("create.telling"), ["verbatim", "told"].map((value) => ({ value, label: t(`create.telling.${value}`) })), form.telling, (telling) => this.change({ telling })),
        can("resume") && h("label", { class: "check" }, h("input", { type: "checkbox", checked: form.film, onchange: (event) => this.change({ film: event.target.checked }) }), h("span", {}, t("create.film"))),
        h("div", { class: "tips" }, h("h2", { class: "small" }, t("create.tips")), h("ul", {}, [1, 2, 3].map((n) => h("li", { key: n }, t(`create.tip.${n}`))))),
      ),
      h(
        "div",
        { class: "create-foot" },
        error && !/story|title/i.test(error.field ?? "") && h("p", { class: "error", role: "alert" }, icon("warn"), error.message),
        button(busy ? t("create.starting") : t("create.start"), { kind: "primary", icon: "wand", busy, class: "large", type: "submit", onclick: () => {} }),
      ),
    );
  }

  styles(form) {
    const isOwn = !STYLES.includes(form.style);
    const options = STYLES.map((value) => ({ value, label: t(`style.${value}`), content: styleArt(value) }));
    return h(
      "div",
      { class: "stack tight" },
      choices("style", t("create.style"), options, isOwn ? "" : form.style, (style) => this.change({ style, own: "" }), { class: "styles" }),
      h("input", { type: "text", "aria-label": t("create.style.own"), placeholder: t("create.style.own.placeholder"), maxlength: 64, value: form.own, dir: "auto", oninput: (event) => this.change({ own: event.target.value, style: event.target.value.trim() || "movie" }) }),
    );
  }

  shots(form) {
    const isAuto = form.shots === "";
    return h(
      "div",
      { class: "shots-row" },
      choices("shots", t("create.shots"), [{ value: "auto", label: t("create.shots.auto") }, { value: "some", label: t("create.shots.some") }], isAuto ? "auto" : "some", (value) => this.change({ shots: value === "auto" ? "" : config.story.defaultShots })),
      isAuto
        ? h("p", { class: "hint" }, t("create.shots.hint", { n: config.story.defaultShots }))
        : h("input", { type: "number", class: "narrow", "aria-label": t("create.shots.number"), min: 1, max: config.story.maxShots, value: form.shots, oninput: (event) => this.change({ shots: event.target.value }) }),
    );
  }

  sound(form) {
    const { voices, music } = store.state;
    const voice = voices.items.find((one) => one.id === form.voice) ?? voices.items[0];
    const piece = music.items.find((one) => one.id === form.music);
    const named = (one) => [one.name, one.language].filter(Boolean).join(" · ");
    const tunes = [["", t("create.music.none")], ["auto", t("create.music.auto")], ...music.items.map((one) => [one.id, one.title])];
    return [
      field(t("create.voice"), { id: "voice", error: voices.status === "failed" ? voices.error.message : "" }, (attributes) =>
        h("div", { class: "with-button" }, select(attributes, [["", t("create.voice.own")], ...voices.items.map((one) => [one.id, named(one)])], form.voice, (value) => this.change({ voice: value })), listenButton(voice?.sample ?? "", voice?.name ?? t("create.voice.own"))),
      ),
      field(t("create.music"), { id: "music" }, (attributes) =>
        h("div", { class: "with-button" }, select(attributes, tunes, form.music, (value) => this.change({ music: value })), listenButton(piece?.url ?? "", piece?.title ?? t("create.music"))),
      ),
    ];
  }

  dragged(event, over) {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    if (this.local.over !== over) this.set({ over });
  }

  dropped(event) {
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    this.set({ over: false });
    this.take(event.dataTransfer.files[0]);
  }

  async take(file) {
    if (!file) return;
    if (can("batch") && batchType(file)) {
      const { story_text, title, ...common } = wanted(this.local.form);
      await importStories(file, common);
      this.querySelector("#file").value = "";
      return;
    }
    try {
      const { text, name } = await readText(file);
      this.change({ story: text, title: this.local.form.title || [...name].slice(0, config.story.maxTitle).join("") });
      notify(t("create.file.read", { name: file.name }));
    } catch (error) {
      notifyError(new Error(t(`create.file.${error.message}`)));
    }
    this.querySelector("#file").value = "";
    this.querySelector("#story").focus();
  }

  clear() {
    const before = this.local.form;
    this.change({ ...NEW });
    notify(t("create.discarded"), { action: { text: t("action.undo"), run: () => this.change(before) } });
    this.querySelector("#story").focus();
  }

  async send() {
    const { form, busy } = this.local;
    if (busy) return;
    const count = characters(form.story);
    if (!form.story.trim()) return this.refuse({ field: "story_text", message: t("create.story.empty") });
    if (count > config.story.maxChars) return this.refuse({ field: "story_text", message: t("create.story.over", { n: count - config.story.maxChars }) });
    this.set({ busy: true, error: null });
    try {
      const id = await createProject(wanted(form), newKey());
      keepDraft(DRAFT, null);
      this.local = { ...this.local, form: { ...NEW }, busy: false };
      setQuery({ p: id }, { replace: false });
    } catch (error) {
      this.refuse(error);
    }
  }

  refuse(error) {
    this.set({ busy: false, error });
    if (/story/i.test(error.field ?? "")) this.querySelector("#story")?.focus();
  }
}

function wanted(form) {
  const asked = { story_text: form.story, title: form.title, style: form.style, aspect: form.aspect, shot_count: form.shots || undefined, telling: form.telling };
  if (!can("resume")) return asked;
  const music = form.music || undefined;
  return { ...asked, voice: form.voice || undefined, music, film: form.film ? { music } : undefined };
}

/** A frame of this aspect. */
function shape(aspect) {
  const [width, height] = aspect.split(":").map(Number);
  const scale = 22 / Math.max(width, height);
  return h("span", { class: "shape", "aria-hidden": "true", style: { inlineSize: `${width * scale}px`, blockSize: `${height * scale}px` } });
}

Create.define("s2v-create");
