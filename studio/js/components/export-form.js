// <s2v-export .project>: how the film is to be made. What was chosen is remembered for the project.

import { h } from "../core/dom.js";
import { draft, keepDraft } from "../core/drafts.js";
import { t } from "../core/i18n.js";
import { store } from "../core/store.js";
import { View } from "../core/view.js";
import { makeFilm } from "../state/shots.js";
import { ACTIVE, ownTask } from "../state/project.js";
import { loadMusic } from "../state/library.js";
import { button, choices, field, select } from "./basic.js";
import { tried } from "./board-actions.js";
import { notify } from "./toasts.js";
import "./waveform.js";

const SIZES = ["", "480p", "720p", "1080p", "1440p", "2160p"];
const RATES = ["", "24", "25", "30", "50", "60"];
const MODES = ["preview", "final", "high"];
const ENCODERS = ["x264", "nvenc", "qsv", "vaapi", "videotoolbox"];
const CONTROLS = ["", "cbr", "2pass"];
const SUBTITLES = ["", "burned", "soft", "both", "off"];
const TRANSITIONS = ["", "cut", "crossfade", "fade", "slide_left", "slide_right", "wipe_left", "wipe_right"];
const FIRST = { resolution: "", fps: "", mode: "final", encoder: "x264", rate_control: "", bitrate: "", subtitles: "", transition: "", motion: "auto", first_seconds: "", music: "", music_level: "-14" };

class Export extends View {
  static properties = ["project"];

  start() {
    this.local = { busy: false, wanted: { ...FIRST, ...draft(`export.${this.project}`) } };
    if (store.state.music.status === "idle") loadMusic();
  }

  change(name, value) {
    const wanted = { ...this.local.wanted, [name]: value };
    keepDraft(`export.${this.project}`, wanted);
    this.set({ wanted });
  }

  template() {
    const { wanted, busy } = this.local;
    const project = store.state.project[this.project];
    const film = project && ownTask(project, "generate_video");
    const isMaking = busy || (film && ACTIVE.has(film.status));
    const pick = (name, values, label) => field(t(`export.${label}`), { id: `export-${name}` }, (attributes) => select(attributes, values, wanted[name], (value) => this.change(name, value)));
    return h(
      "form",
      { class: "panel stack export", "aria-label": t("export.title"), onsubmit: (event) => { event.preventDefault(); this.begin(); } },
      h("h2", {}, t("export.title")),
      choices("mode", t("export.mode"), MODES.map((value) => ({ value, label: t(`mode.${value}`) })), wanted.mode, (value) => this.change("mode", value), { class: "small" }),
      h("div", { class: "pair" }, pick("resolution", SIZES.map((value) => [value, value || t("export.size.")]), "size"), pick("fps", RATES.map((value) => [value, value ? t("export.fps.n", { n: value }) : t("export.fps.")]), "fps"), pick("subtitles", SUBTITLES.map((value) => [value, t(`export.subtitles.${value}`)]), "subtitles")),
      this.music(wanted),
      h(
        "details",
        { open: Boolean(wanted.rate_control || wanted.first_seconds || wanted.encoder !== "x264") },
        h("summary", {}, t("export.more")),
        h(
          "div",
          { class: "pair export-more" },
          pick("transition", TRANSITIONS.map((value) => [value, value ? t(`transition.${value}`) : t("export.transition.")]), "transition"),
          pick("motion", ["auto", "none"].map((value) => [value, t(`export.motion.${value}`)]), "motion"),
          field(t("export.encoder"), { id: "export-encoder", hint: t("export.encoder.hint") }, (attributes) => select(attributes, ENCODERS.map((value) => [value, value]), wanted.encoder, (value) => this.change("encoder", value))),
          pick("rate_control", CONTROLS.map((value) => [value, t(`export.rate.${value}`)]), "rate"),
          wanted.rate_control && this.number("bitrate", "export.bitrate", { min: "100", max: "100000", required: true, placeholder: "4000" }),
          this.number("first_seconds", "export.first", { min: "0.5", max: "3600", step: "0.5" }, t("export.first.hint")),
        ),
      ),
      h("div", { class: "row" }, button(t("export.do"), { kind: project?.films?.length ? "primary" : "", icon: "film", busy: isMaking, type: "submit" })),
    );
  }

  number(name, label, props, hint = "") {
    return field(t(label), { id: `export-${name}`, hint }, (attributes) => h("input", { ...attributes, type: "number", inputmode: "decimal", ...props, value: this.local.wanted[name], oninput: (event) => this.change(name, event.target.value) }));
  }

  /** What the film will have: what is chosen here, else the project's own; "" is none. */
  heard({ music }) {
    const found = music || store.state.project[this.project]?.options?.music || "";
    return found === "none" ? "" : found;
  }

  music(wanted) {
    const { items } = store.state.music;
    const heard = this.heard(wanted);
    const piece = items.find((one) => one.id === heard);
    const options = [["", t("export.music.")], ["none", t("export.music.none")], ["auto", t("export.music.auto")], ...items.map((one) => [one.id, one.title])];
    return h(
      "div",
      { class: "stack music-choice" },
      field(t("export.music"), { id: "export-music" }, (attributes) => select(attributes, options, wanted.music, (value) => this.change("music", value))),
      piece && h("s2v-waveform", { key: piece.id, src: piece.url, name: piece.title, level: Number(wanted.music_level) }),
      heard &&
        field(t("export.level"), { id: "export-level", aside: h("output", { class: "small muted numbers", for: "export-level" }, t("export.level.value", { db: wanted.music_level })) }, (attributes) =>
          h("input", { ...attributes, type: "range", min: "-40", max: "0", step: "1", value: wanted.music_level, "aria-valuetext": t("export.level.value", { db: wanted.music_level }), oninput: (event) => this.change("music_level", event.target.value) })),
    );
  }

  async begin() {
    const { wanted } = this.local;
    const { items, status } = store.state.music;
    const lost = status === "ready" && !["", "none", "auto"].includes(wanted.music) && !items.some((one) => one.id === wanted.music);
    const sent = { ...wanted, music: lost ? "" : wanted.music };
    if (!this.heard(sent)) delete sent.music_level;
    if (!sent.rate_control) delete sent.bitrate;
    this.set({ busy: true });
    await tried(async () => {
      await makeFilm(this.project, Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== "")));
      notify(t("export.asked"), { kind: "info" });
    });
    this.set({ busy: false });
  }
}

Export.define("s2v-export");
