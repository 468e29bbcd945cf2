// <s2v-waveform .src .name .level>: how a piece of music goes, drawn as loud as it will be under the narration.

import { h } from "../core/dom.js";
import { t } from "../core/i18n.js";
import { View } from "../core/view.js";
import { button, skeleton } from "./basic.js";

const BARS = 160;
const RATE = 8000; // enough for peaks, and a tenth of the memory
const known = new Map(); // peaks by address without its signature

class Waveform extends View {
  static properties = ["src", "name", "level"];

  start() {
    this.local = { peaks: null, of: "", failed: false, playing: false };
    this.audio = new Audio();
    this.audio.addEventListener("pause", () => this.set({ playing: false }));
  }

  stop() {
    this.audio.pause();
  }

  template() {
    this.load();
    const { peaks, failed, playing } = this.local;
    if (failed) return h("p", { class: "hint" }, t("wave.none"));
    if (!peaks) return skeleton(1);
    const gain = 10 ** ((this.level ?? 0) / 20);
    this.audio.volume = Math.min(1, gain);
    return h(
      "div",
      { class: "wave" },
      button("", { icon: playing ? "stop" : "play", class: "small", label: t(playing ? "wave.stop" : "wave.listen"), onclick: () => this.toggle() }),
      h("svg", { class: "wave-line", viewBox: `0 0 ${BARS * 3} 60`, preserveAspectRatio: "none", role: "img", "aria-label": t("wave.label", { title: this.name }) }, h("path", { d: outline(peaks, 1), class: "wave-whole" }), h("path", { d: outline(peaks, gain), class: "wave-level" })),
    );
  }

  async load() {
    const path = this.src.split("?")[0];
    if (this.local.of === path) return;
    this.audio.pause();
    this.local = { ...this.local, of: path, peaks: null, failed: false };
    try {
      if (!known.has(path)) known.set(path, await read(this.src));
      if (this.local.of === path) this.set({ peaks: known.get(path) });
    } catch {
      if (this.local.of === path) this.set({ failed: true });
    }
  }

  toggle() {
    if (!this.audio.paused) return this.audio.pause();
    this.audio.src = this.src;
    this.audio.play().then(() => this.set({ playing: true }), () => this.set({ failed: true }));
  }
}

async function read(address) {
  const answer = await fetch(address, { credentials: "same-origin" });
  if (!answer.ok) throw new Error(answer.statusText);
  const sound = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(await answer.arrayBuffer());
  const samples = sound.getChannelData(0);
  const each = Math.max(1, Math.floor(samples.length / BARS));
  return Array.from({ length: BARS }, (_, bar) => {
    let most = 0;
    for (let place = bar * each; place < (bar + 1) * each; place += 4) most = Math.max(most, Math.abs(samples[place] ?? 0));
    return most;
  });
}

function outline(peaks, gain) {
  const most = Math.max(0.01, ...peaks);
  return peaks.map((peak, bar) => {
    const high = Math.max(0.6, (28 * gain * peak) / most);
    return `M${bar * 3 + 1.5} ${(30 - high).toFixed(1)}V${(30 + high).toFixed(1)}`;
  }).join("");
}

Waveform.define("s2v-waveform");
