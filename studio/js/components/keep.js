// <s2v-keep .film>: keeps a film in this browser, to be played without the server; says why where that cannot be.

import { extend, t } from "../core/i18n.js";
import { h } from "../core/dom.js";
import { size } from "../core/format.js";
import { canKeep, forgetFilm, isFilmKept, keepFilm } from "../core/offline.js";
import { View } from "../core/view.js";
import { button } from "./basic.js";
import { notify, notifyError } from "./toasts.js";

extend({
  zh: {
    "keep.keep": "存到本机",
    "keep.kept": "已存本机",
    "keep.working": "正在保存 {percent}%",
    "keep.done": "影片已存到本机，没有服务器也能播放。",
    "keep.forgotten": "已从本机移除",
    "keep.insecure": "离线保存需要 HTTPS（或在服务器本机上打开）。",
    "keep.failed": "没能保存影片：空间不足，或者连接中断。",
    "keep.hint": "{size}，没有服务器也能播放",
  },
  en: {
    "keep.keep": "Keep offline",
    "keep.kept": "Kept offline",
    "keep.working": "Keeping {percent}%",
    "keep.done": "The film is kept in this browser, and plays without the server.",
    "keep.forgotten": "Removed from this browser",
    "keep.insecure": "Keeping films needs HTTPS (or the server’s own machine).",
    "keep.failed": "The film could not be kept: there is no room, or the connection broke off.",
    "keep.hint": "{size}, plays without the server",
  },
});

class Keep extends View {
  static properties = ["film"];

  start() {
    this.local = { kept: false, working: null };
    isFilmKept(this.film.url).then((kept) => this.set({ kept }));
  }

  urls() {
    const { url, cover, subtitles } = this.film;
    return [url, ...Object.values(subtitles ?? {}), cover].filter(Boolean);
  }

  template() {
    const { kept, working } = this.local;
    if (!canKeep) return [button(t("keep.keep"), { kind: "ghost", class: "small", icon: "cloudOff", disabled: true, why: t("keep.insecure") }), h("span", { class: "hint" }, t("keep.insecure"))];
    if (working !== null) return button(t("keep.working", { percent: Math.round(working * 100) }), { class: "small", busy: true });
    return button(t(kept ? "keep.kept" : "keep.keep"), { kind: "ghost", class: "small", icon: kept ? "check" : "cloudOff", "aria-pressed": String(kept), title: t("keep.hint", { size: size(this.film.size) }), onclick: () => (kept ? this.forget() : this.keep()) });
  }

  async keep() {
    this.set({ working: 0 });
    try {
      await keepFilm(this.urls(), (part) => this.set({ working: part }));
      this.set({ kept: true });
      notify(t("keep.done"));
    } catch {
      notifyError(new Error(t("keep.failed")));
    }
    this.set({ working: null });
  }

  async forget() {
    await forgetFilm(this.urls());
    this.set({ kept: false });
    notify(t("keep.forgotten"));
  }
}

Keep.define("s2v-keep");

/** keepButton(film): the film as the API answers it. */
export const keepButton = (film) => h("s2v-keep", { film, key: `keep ${film.id}` });
