// <s2v-versions .project .shot>: all pictures, narrations and clips that a shot ever had, and the way back to each.

import { h } from "../core/dom.js";
import { clock, when } from "../core/format.js";
import { t } from "../core/i18n.js";
import { setQuery } from "../core/router.js";
import { store } from "../core/store.js";
import { View } from "../core/view.js";
import { restoreVersion, versionsOf } from "../state/shots.js";
import { badge, button, choices, problem, skeleton } from "./basic.js";
import { tried } from "./board-actions.js";
import { openDialog } from "./dialog.js";
import { icon } from "./icon.js";
import { notify } from "./toasts.js";

const KINDS = { images: "imagePath", narrations: "audioPath", clips: "videoPath" };

class Versions extends View {
  static properties = ["project", "shot"];

  start() {
    this.local = { versions: null, error: null, shown: "" };
  }

  get kind() {
    const { v } = store.state.route.query;
    return v in KINDS ? v : "images";
  }

  template() {
    if (!this.shot) return [];
    this.load();
    const { versions, error } = this.local;
    return h(
      "section",
      { class: "panel stack", "aria-label": t(`versions.${this.kind}`) },
      choices("versions-kind", h("span", { class: "sr-only" }, t("versions.kind")), Object.keys(KINDS).map((value) => ({ value, label: t(`versions.${value}`) })), this.kind, (value) => setQuery({ v: value === "images" ? "" : value }), { class: "small" }),
      error && problem(error, { again: () => this.reload() }),
      !versions && !error && skeleton(2),
      versions && (versions.length ? h("ol", { class: `versions ${this.kind}` }, versions.map((one) => this.version(one))) : h("p", { class: "muted small" }, t("versions.none"))),
    );
  }

  /** Read them again whenever the shot's file is another. */
  load() {
    const path = (this.shot[KINDS[this.kind]] ?? "").split("?")[0];
    const wanted = `${this.shot.id} ${this.kind} ${path}`;
    if (this.local.shown === wanted) return;
    const isSame = this.local.shown.startsWith(`${this.shot.id} ${this.kind} `);
    this.local = { ...this.local, shown: wanted, error: null, versions: isSame ? this.local.versions : null };
    this.reload();
  }

  async reload() {
    const asked = this.local.shown;
    try {
      const versions = await versionsOf(this.project, this.shot.id, this.kind);
      if (asked === this.local.shown) this.set({ versions: versions ?? [], error: null });
    } catch (error) {
      if (asked === this.local.shown) this.set({ error });
    }
  }

  version(one) {
    const name = t("versions.n", { n: one.number });
    const words = one.prompt ?? one.text ?? "";
    return h(
      "li",
      { class: `version ${one.current ? "current" : ""}`, key: one.number },
      this.media(one, name),
      h(
        "div",
        { class: "version-facts small" },
        h("strong", {}, name),
        one.current ? badge("done", t("versions.current")) : null,
        h("span", { class: "muted" }, [when(one.created_at), one.source === "upload" ? t("versions.upload") : one.provider, one.seed !== null && one.seed !== undefined ? t("versions.seed", { seed: one.seed }) : null, one.duration ? clock(one.duration) : null, one.width ? `${one.width} × ${one.height}` : null].filter(Boolean).join(" · ")),
        words && h("p", { class: "version-words", dir: "auto", title: words }, words),
      ),
      !one.current &&
        h(
          "div",
          { class: "row" },
          button(t("versions.restore"), { icon: "history", class: "small", label: `${t("versions.restore")}：${name}`, onclick: () => this.restore(one) }),
          this.current() && button("", { icon: "board", kind: "ghost", class: "small", label: `${t("versions.compare")}：${name}`, onclick: () => this.compare(one) }),
        ),
    );
  }

  media(one, name) {
    if (this.kind === "images") return h("img", { class: "version-media", src: one.url, alt: name, loading: "lazy", decoding: "async", width: one.width ?? null, height: one.height ?? null });
    if (this.kind === "clips") return h("video", { class: "version-media", src: one.url, controls: "", muted: true, preload: "metadata", "aria-label": name });
    return h("audio", { class: "version-media", src: one.url, controls: "", preload: "none", "aria-label": name });
  }

  current = () => this.local.versions?.find((one) => one.current);

  async restore(one) {
    const done = await tried(() => restoreVersion(this.project, this.shot.id, this.kind, one.number));
    if (!done) return;
    notify(t("versions.restored", { n: one.number }));
    await this.reload();
    this.querySelector(".version.current")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  compare(one) {
    const now = this.current();
    const side = (version, title) => h("figure", { class: "compare-side" }, h("figcaption", {}, icon("image"), title), this.media(version, title), h("p", { class: "small", dir: "auto" }, version.prompt ?? version.text ?? ""));
    openDialog({
      title: t("compare.title", { n: one.number, m: now.number }),
      wide: true,
      body: () => h("div", { class: "compare" }, side(one, t("compare.this", { n: one.number })), side(now, t("compare.now", { n: now.number }))),
      actions: [{ text: t("action.close"), kind: "ghost" }, { text: t("versions.restore"), kind: "primary", icon: "history", run: () => this.restore(one) }],
    });
  }
}

Versions.define("s2v-versions");
