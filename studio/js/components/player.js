// <s2v-player .film .other .chapters .project>: a film with its chapters, its subtitles and its frames; `other` plays beside it.

import { can } from "../core/config.js";
import { h } from "../core/dom.js";
import { clock } from "../core/format.js";
import { t } from "../core/i18n.js";
import { shortcuts } from "../core/keys.js";
import { View } from "../core/view.js";
import { cuesOf } from "../state/subtitles.js";
import { button, select } from "./basic.js";
import { tried } from "./board-actions.js";
import { icon } from "./icon.js";
import { notify } from "./toasts.js";

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2];
const STEP_S = 5;
const KEPT = "s2v.player";
const APART_S = 0.12; // two films side by side may be so far apart

class Player extends View {
  static properties = ["film", "other", "chapters", "project"];

  start() {
    const { volume = 1, muted = false, captions = true } = kept();
    this.local = { at: 0, length: 0, playing: false, volume, muted, captions, speed: 1, cues: [], of: "", failed: false };
    this.until(shortcuts("player.title", [
      { keys: [" ", "k"], label: "key.play", run: (event) => (event.target.closest?.("button, a, summary, input, select, textarea") && event.key === " " ? false : void this.toggle()) },
      { keys: ["ArrowLeft", "ArrowRight"], label: "key.seek", run: (event) => this.seek(this.video.currentTime + (event.key === "ArrowLeft" ? -STEP_S : STEP_S)) },
      { keys: [",", "."], label: "key.frame", run: (event) => this.frame(event.key === "," ? -1 : 1) },
      { keys: ["[", "]"], label: "key.chapter", run: (event) => this.chapter(event.key === "[" ? -1 : 1) },
      { keys: "m", label: "key.mute", run: () => this.mute() },
      { keys: "c", label: "key.captions", run: () => this.set({ captions: !this.local.captions }) },
      { keys: "f", label: "key.full", run: () => this.full() },
      { keys: "p", label: "key.shoot", run: () => void this.shoot() },
    ]));
  }

  get video() {
    return this.querySelector("video.main");
  }

  template() {
    const { film, other } = this;
    if (!film) return [];
    this.loadCues();
    return h(
      "section",
      { class: "player", "aria-label": t("player.title"), "data-playing": String(this.local.playing) },
      h(
        "div",
        { class: `screen ${other ? "two" : ""}` },
        this.picture(film, "main"),
        other && h("div", { class: "beside" }, this.picture(other, "second"), h("span", { class: "badge over" }, t("compare.films", { n: other.number, mode: t(`mode.${other.mode || "final"}`) }))),
        this.caption(),
        this.local.failed && h("p", { class: "player-failed", role: "alert" }, icon("warn"), t("player.failed")),
      ),
      this.bar(),
    );
  }

  picture(film, which) {
    const main = which === "main";
    const events = main
      ? {
          onclick: () => this.toggle(),
          ontimeupdate: (event) => this.told({ at: event.target.currentTime }),
          onseeking: () => this.follow(),
          ondurationchange: (event) => this.told({ length: event.target.duration || 0 }),
          onloadedmetadata: (event) => this.ready(event.target),
          onplay: () => { this.told({ playing: true }); this.follow(); },
          onpause: () => { this.told({ playing: false }); this.follow(); },
          onended: () => this.told({ playing: false }),
          onratechange: () => this.follow(),
          onerror: () => this.told({ failed: true }),
        }
      : { onloadedmetadata: () => this.follow() };
    const { volume, muted } = this.local;
    return h("video", { class: which, key: `${which} ${film.id}`, src: film.url, poster: film.cover || null, playsinline: "", preload: "auto", "aria-label": film.title || t("film.version", { n: film.number }), volume, muted: main ? muted : true, ...events });
  }

  told(values) {
    if (Object.entries(values).some(([name, value]) => this.local[name] !== value)) this.set(values);
  }

  ready(video) {
    const at = this.startAt ?? 0;
    this.startAt = null;
    if (at) video.currentTime = at;
    this.told({ length: video.duration || 0, failed: false, at });
  }

  /** Keep the second film with the first. */
  follow() {
    const second = this.querySelector("video.second");
    const { video } = this;
    if (!second || !video || !second.duration) return;
    const at = Math.min(video.currentTime, second.duration);
    if (Math.abs(second.currentTime - at) > APART_S) second.currentTime = at;
    second.playbackRate = video.playbackRate;
    if (video.paused) second.pause();
    else second.play().catch(() => {});
  }

  bar() {
    const { at, length, playing, muted, volume, speed } = this.local;
    const burned = ["burned", "both"].includes(this.burnedIn);
    return h(
      "div",
      { class: "player-bar" },
      h(
        "div",
        { class: "seek" },
        h("input", { type: "range", min: "0", max: String(length || 0), step: "0.01", value: String(at), "aria-label": t("player.seek"), "aria-valuetext": t("player.at", { at: clock(at), length: clock(length), chapter: this.chapterName(at) }), oninput: (event) => this.seek(Number(event.target.value)) }),
        h("div", { class: "seek-marks", "aria-hidden": "true" }, length > 0 && (this.chapters ?? []).slice(1).map((one) => h("span", { key: one.start, style: { insetInlineStart: `${(100 * one.start) / length}%` } }))),
      ),
      h(
        "div",
        { class: "player-buttons" },
        button("", { icon: playing ? "pause" : "play", label: t(playing ? "player.pause" : "player.play"), class: "play", onclick: () => this.toggle() }),
        h("span", { class: "player-time numbers", role: "timer", "aria-live": "off" }, `${clock(at)} / ${clock(length)}`),
        button("", { kind: "ghost", icon: "left", label: t("player.back"), onclick: () => this.frame(-1) }),
        button("", { kind: "ghost", icon: "right", label: t("player.forward"), onclick: () => this.frame(1) }),
        h("span", { class: "grow" }),
        h("span", { class: "volume" }, button("", { kind: "ghost", icon: muted || !volume ? "stop" : "speaker", label: t(muted ? "player.unmute" : "player.mute"), "aria-pressed": String(muted), onclick: () => this.mute() }), h("input", { type: "range", min: "0", max: "1", step: "0.05", value: String(muted ? 0 : volume), "aria-label": t("player.volume"), oninput: (event) => this.loud(Number(event.target.value)) })),
        select({ "aria-label": t("player.speed"), class: "speed" }, SPEEDS.map((one) => [String(one), `${one}×`]), String(speed), (value) => this.fast(Number(value))),
        this.film.subtitles?.srt && button("", { kind: "ghost", icon: "text", label: t(burned ? "player.captions.burned" : "player.captions"), disabled: burned, why: burned ? t("player.captions.burned") : "", "aria-pressed": String(this.local.captions && !burned), onclick: () => this.set({ captions: !this.local.captions }) }),
        button("", { kind: "ghost", icon: "camera", label: t("player.shoot"), onclick: () => this.shoot() }),
        button("", { kind: "ghost", icon: "full", label: t("player.full"), onclick: () => this.full() }),
      ),
    );
  }

  /** Where the subtitles are: the film's own wish, else what the server's default makes. */
  get burnedIn() {
    return this.film.parameters?.subtitles || "burned";
  }

  caption() {
    if (!this.local.captions || ["burned", "both"].includes(this.burnedIn)) return null;
    const cue = this.local.cues.find((one) => one.start <= this.local.at && this.local.at < one.end);
    return cue && h("p", { class: "caption", dir: "auto" }, h("span", {}, cue.text));
  }

  async loadCues() {
    if (this.local.of === this.film.id) return;
    this.local = { ...this.local, of: this.film.id, cues: [], failed: false };
    const cues = await cuesOf(this.film);
    if (this.local.of === this.film?.id && cues.length) this.set({ cues });
  }

  toggle() {
    const { video } = this;
    if (video.paused) video.play().catch(() => this.told({ failed: Boolean(video.error) }));
    else video.pause();
  }

  seek(at) {
    const { video } = this;
    if (!video) return;
    video.currentTime = Math.max(0, Math.min(at, video.duration || 0));
    this.told({ at: video.currentTime });
  }

  frame(step) {
    this.video.pause();
    const rate = this.film.fps || 30;
    this.seek((Math.round(this.video.currentTime * rate) + step) / rate + 0.001);
  }

  chapter(step) {
    const chapters = this.chapters ?? [];
    const at = this.video.currentTime;
    const next = step > 0 ? chapters.find((one) => one.start > at + 0.05) : chapters.findLast((one) => one.start < at - 1) ?? chapters[0];
    if (next) this.seek(next.start);
  }

  chapterName(at) {
    const found = (this.chapters ?? []).findLast((one) => one.start <= at + 0.01);
    return found ? t("card.shot", { n: found.order }) : "";
  }

  mute() {
    this.set({ muted: !this.local.muted });
    this.keep();
  }

  loud(volume) {
    this.set({ volume, muted: volume === 0 });
    this.keep();
  }

  fast(speed) {
    this.set({ speed });
    this.video.playbackRate = speed;
  }

  keep() {
    const { volume, muted, captions } = this.local;
    try {
      localStorage.setItem(KEPT, JSON.stringify({ volume, muted, captions }));
    } catch { /* for this visit only */ }
  }

  full() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.querySelector(".player").requestFullscreen?.().catch(() => {});
  }

  /** The frame that is seen, as a file; where the browser may not read it, the server's. */
  shoot() {
    return tried(async () => {
      const { video } = this;
      const name = `${this.film.title || "film"}-${this.film.number}-${video.currentTime.toFixed(2)}`;
      const frame = await grabbed(video).catch((error) => this.still(video.currentTime, error));
      save(frame, `${name}.${frame.type.slice("image/".length)}`);
      notify(t("player.shot"));
    });
  }

  async still(at, error) {
    if (!can("still")) throw error;
    const answer = await fetch(`/v1/api/projects/${encodeURIComponent(this.project)}/films/${this.film.number}/still?at=${at.toFixed(1)}&width=960`, { credentials: "same-origin" });
    if (!answer.ok) throw error;
    return answer.blob();
  }
}

function grabbed(video) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  canvas.getContext("2d").drawImage(video, 0, 0);
  return new Promise((done, failed) => {
    canvas.toBlob((blob) => (blob ? done(blob) : failed(new Error(t("player.failed")))), "image/png");
  });
}

export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name.replace(/[\\/:*?"<>|]/g, "-");
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEPT)) ?? {};
  } catch {
    return {};
  }
}

Player.define("s2v-player");
