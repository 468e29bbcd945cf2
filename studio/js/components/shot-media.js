// What a shot is made of, each with what made it: the picture, the narration, the clip.

import { can } from "../core/config.js";
import { h } from "../core/dom.js";
import { hue } from "../core/format.js";
import { t } from "../core/i18n.js";
import { ACTIVE, ownTask, taskOf } from "../state/project.js";
import { cancelTask } from "../state/projects.js";
import { animate, speak, speakAll, uploadVersion } from "../state/shots.js";
import { button, field, picture, progress } from "./basic.js";
import { tried } from "./board-actions.js";
import { stageOf } from "./failure.js";
import { icon } from "./icon.js";
import { shotPicture } from "./media.js";
import { notify } from "./toasts.js";

const SHOWN = 900;
const RATIOS = { "16:9": "16 / 9", "9:16": "9 / 16", "1:1": "1 / 1", "4:3": "4 / 3", "3:4": "3 / 4" };
const activeOf = (task) => (task && ACTIVE.has(task.status) ? task : null);
export const active = (project, shot, type) => activeOf(taskOf(project, shot.id, type));

/** The picture, large; what is being made lies over the old one. */
export function stage(project, shot) {
  const task = active(project, shot, "generate_shot");
  return h(
    "div",
    { class: `stage ${task ? "working" : ""}` },
    picture(shotPicture(shot, SHOWN), { alt: shot.imagePath ? shot.prompt || shot.title : t("paint.none"), hue: hue(shot.id), letter: String(shot.order), eager: true, ratio: RATIOS[project.detail.aspect] ?? "16 / 9", class: "whole" }),
    task &&
      h(
        "div",
        { class: "stage-mask" },
        progress(task.status === "processing" ? task.progress : null, `${stageOf(task)} · ${task.message || t("state.waiting")}`),
        button(t("paint.cancel"), { icon: "stop", class: "small", onclick: () => tried(() => cancelTask(task)) }),
      ),
  );
}

/** Paint: with a seed, and what else the model heeds. */
export function paintPanel(project, shot, local, { set, paint }) {
  const task = taskOf(project, shot.id, "generate_shot");
  const seed = task?.result?.made_by?.seed;
  const number = (name, label, props) => field(label, { id: `paint-${name}` }, (attributes) => h("input", { ...attributes, type: "number", inputmode: "numeric", ...props, value: local[name], oninput: (event) => set({ [name]: event.target.value }) }));
  return h(
    "section",
    { class: "panel stack", "aria-label": t("paint.title") },
    h(
      "div",
      { class: "paint-row" },
      field(t("paint.seed"), { id: "paint-seed", hint: t("paint.seed.hint"), aside: seed !== undefined && seed !== null && button(t("paint.same"), { kind: "ghost", class: "small", onclick: () => set({ seed: String(seed) }) }) }, (attributes) =>
        h("input", { ...attributes, inputmode: "numeric", pattern: "[0-9]*", maxlength: "16", autocomplete: "off", value: local.seed, oninput: (event) => set({ seed: event.target.value.replace(/\D/g, "") }) })),
      button(t(shot.imagePath ? "paint.again" : "paint.do"), { kind: local.isNext ? "primary" : "", icon: "wand", busy: local.asked === "paint" || Boolean(active(project, shot, "generate_shot")), onclick: paint }),
      uploadButton(shot, "images", "image/*", "paint.upload"),
    ),
    h(
      "details",
      {},
      h("summary", {}, t("paint.more")),
      h(
        "div",
        { class: "stack paint-more" },
        field(t("paint.negative"), { id: "paint-negative" }, (attributes) => h("textarea", { ...attributes, rows: "2", maxlength: "4000", dir: "auto", value: local.negative, oninput: (event) => set({ negative: event.target.value }) })),
        h("div", { class: "pair" }, number("steps", t("paint.steps"), { min: "1", max: "200" }), number("cfg", t("paint.cfg"), { min: "0", max: "50", step: "0.5" })),
      ),
    ),
  );
}

export const isOldNarration = (shot) => Boolean(shot.audioPath && (shot.narration_stale || shot.narrationStale));

/** What is spoken. `words` is what the form shows, which may not be saved yet; `isNext`: that is what the shot needs now. */
export function narrationPanel(project, shot, { words, isNext, save }) {
  const task = active(project, shot, "generate_audio") ?? activeOf(ownTask(project, "generate_audio"));
  const ask = (run, said) => tried(async () => { await save(); await run(); notify(t(said), { kind: "info" }); });
  return h(
    "section",
    { class: "panel stack", "aria-label": t("voice.title") },
    h("h2", {}, icon("voice"), t("voice.title")),
    shot.audioPath ? h("audio", { controls: "", preload: "metadata", src: shot.audioPath, key: shot.audioPath.split("?")[0], "aria-label": t("voice.player", { n: shot.order }) }) : h("p", { class: "muted small" }, t("voice.none")),
    (isOldNarration(shot) || (!shot.audioPath && words?.trim())) && h("p", { class: "small" }, icon("history"), t("voice.stale")),
    task && progress(task.status === "processing" ? task.progress : null, task.message || t("state.waiting")),
    h(
      "div",
      { class: "row" },
      can("narrations") && button(t(shot.audioPath ? "voice.again" : "voice.one"), { kind: isNext ? "primary" : "", icon: "voice", busy: Boolean(task), disabled: !words?.trim(), why: words?.trim() ? "" : t("voice.need"), onclick: () => ask(() => speak(project.id, shot.id), "voice.one.asked") }),
      button(t("voice.do"), { kind: isNext && !can("narrations") ? "primary" : "", disabled: Boolean(task), onclick: () => ask(() => speakAll(project.id), "voice.asked") }),
      uploadButton(shot, "narrations", "audio/*", "voice.upload"),
    ),
  );
}

export function clipPanel(project, shot, local, { set, save }) {
  const task = active(project, shot, "generate_video");
  const make = () =>
    tried(async () => {
      await save();
      await animate(project.id, shot.id, { duration: local.seconds || undefined, seed: local.seed || undefined });
      notify(t("clip.asked"), { kind: "info" });
    });
  return h(
    "section",
    { class: "panel stack", "aria-label": t("clip.title") },
    h("h2", {}, icon("film"), t("clip.title")),
    shot.videoPath ? h("video", { controls: "", loop: "", muted: true, playsinline: "", preload: "metadata", src: shot.videoPath, key: shot.videoPath.split("?")[0], "aria-label": t("clip.player", { n: shot.order }) }) : h("p", { class: "muted small" }, t("clip.none")),
    task && progress(task.status === "processing" ? task.progress : null, task.message || t("state.waiting")),
    h(
      "div",
      { class: "paint-row" },
      field(t("clip.seconds"), { id: "clip-seconds" }, (attributes) => h("input", { ...attributes, type: "number", min: "0.5", max: "60", step: "0.5", value: local.seconds, oninput: (event) => set({ seconds: event.target.value }) })),
      button(t(shot.videoPath ? "clip.again" : "clip.do"), { icon: "wand", busy: Boolean(task), disabled: !shot.imagePath, why: shot.imagePath ? "" : t("clip.need"), onclick: make }),
      uploadButton(shot, "clips", "video/*", "clip.upload"),
    ),
  );
}

/** A file of one's own; only where the server keeps versions. */
function uploadButton(shot, kind, accept, label) {
  if (!can("versions")) return null;
  const send = async (event) => {
    const [file] = event.target.files;
    event.target.value = "";
    if (file) await tried(async () => { await uploadVersion(shot.projectId, shot.id, kind, file); notify(t("upload.done")); });
  };
  return h("label", { class: "button upload" }, icon("upload"), h("span", {}, t(label)), h("input", { type: "file", class: "sr-only", accept, "data-upload": kind, onchange: send }));
}
