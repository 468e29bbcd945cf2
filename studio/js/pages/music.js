// Music: the library of all projects.

import "../i18n/music.js";
import { config } from "../core/config.js";
import { h } from "../core/dom.js";
import { ago, clock, hue, size } from "../core/format.js";
import { t } from "../core/i18n.js";
import { shortcuts } from "../core/keys.js";
import { store } from "../core/store.js";
import { View } from "../core/view.js";
import { button, empty, field, pageHead, problem, skeleton } from "../components/basic.js";
import { confirm, openDialog } from "../components/dialog.js";
import { icon } from "../components/icon.js";
import { listenButton, silence } from "../components/listen.js";
import { notify, notifyError } from "../components/toasts.js";
import { addMusic, deleteMusic, loadMusic } from "../state/library.js";

export const styles = ["pages/music.css"];

const KINDS = ".mp3,.wav,.m4a,.ogg,.flac,.aac,.webm,audio/*";

class Music extends View {
  static properties = ["route"];

  start() {
    this.local = { busy: false, over: false };
    loadMusic();
    this.until(shortcuts("nav.music", [{ keys: "u", label: "music.add", run: () => this.choose() }]));
  }

  stop() {
    silence();
  }

  template() {
    const { music } = store.state;
    const { busy } = this.local;
    return h(
      "div",
      { class: `page drop-page ${this.local.over ? "over-it" : ""}`, ondragover: (event) => this.dragged(event, true), ondragleave: (event) => !event.currentTarget.contains(event.relatedTarget) && this.set({ over: false }), ondrop: (event) => this.dropped(event) },
      pageHead(t("nav.music"), { lead: t("music.lead"), actions: [button(busy ? t("music.adding") : t("music.add"), { kind: "primary", icon: "upload", busy, onclick: () => this.choose() })] }),
      h("input", { class: "sr-only", id: "file", type: "file", tabindex: "-1", "aria-label": t("music.add"), accept: KINDS, onchange: (event) => this.take([...event.target.files]) }),
      h("p", { class: "drop-hint" }, icon("upload"), t("music.drop", { size: size(config.maxMusic) })),
      this.list(music),
    );
  }

  list(music) {
    if (music.status === "failed") return problem(music.error, { again: loadMusic });
    if (music.status === "loading" || music.status === "idle") return skeleton(5);
    if (!music.items.length) return empty(t("music.empty.title"), t("music.empty.text"));
    return h("ul", { class: "pieces", "aria-label": t("music.pieces") }, music.items.map((piece) => this.piece(piece)));
  }

  piece(piece) {
    return h(
      "li",
      { class: "card piece", key: piece.id },
      h("span", { class: "disc", style: { "--hue": String(hue(piece.title)) }, "aria-hidden": "true" }, icon("music")),
      h(
        "div",
        { class: "grow" },
        h("h2", { class: "clip", dir: "auto" }, piece.title),
        h("p", { class: "small muted" }, [clock(piece.duration), size(piece.size), ago(piece.createdAt)].join(" · ")),
        piece.tags.length > 0 && h("p", { class: "row tags" }, piece.tags.map((tag) => h("span", { class: "badge plain", key: tag, dir: "auto" }, tag))),
      ),
      listenButton(piece.url, piece.title),
      button("", { kind: "ghost", icon: "trash", label: `${t("action.delete")}: ${piece.title}`, onclick: () => this.askAndDelete(piece) }),
    );
  }

  choose() {
    this.querySelector("#file").click();
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
    this.take([...event.dataTransfer.files]);
  }

  async take(files) {
    for (const file of files) await this.add(file);
    this.querySelector("#file").value = "";
  }

  async add(file) {
    if (file.size > config.maxMusic) return notifyError(new Error(t("music.size", { size: size(config.maxMusic) })));
    const given = { title: file.name.replace(/\.\w{2,4}$/, ""), tags: "" };
    const sent = await openDialog({ title: t("music.add"), body: () => this.facts(file, given), actions: [{ text: t("action.cancel"), kind: "ghost", value: false }, { text: t("music.upload"), kind: "primary", icon: "upload", value: true }] });
    if (!sent) return null;
    this.set({ busy: true });
    try {
      notify(await addMusic(file, given));
    } catch (error) {
      notifyError(error);
    }
    this.set({ busy: false });
    return null;
  }

  facts(file, given) {
    return [
      h("p", { class: "muted", dir: "auto" }, `${file.name} · ${size(file.size)}`),
      field(t("music.title"), { id: "piece-title" }, (attributes) => h("input", { ...attributes, type: "text", maxlength: 200, dir: "auto", value: given.title, oninput: (event) => (given.title = event.target.value) })),
      field(t("music.tags"), { id: "piece-tags", hint: t("music.tags.hint") }, (attributes) => h("input", { ...attributes, type: "text", maxlength: 200, dir: "auto", value: given.tags, oninput: (event) => (given.tags = event.target.value) })),
    ];
  }

  async askAndDelete(piece) {
    if (!(await confirm({ title: t("music.delete.title", { title: piece.title }), text: t("music.delete.text"), action: t("action.delete") }))) return;
    try {
      silence();
      await deleteMusic(piece.id);
      notify(t("music.deleted", { title: piece.title }));
    } catch (error) {
      notifyError(error);
    }
    document.querySelector("#page-title")?.focus();
  }
}

Music.define("s2v-music");
