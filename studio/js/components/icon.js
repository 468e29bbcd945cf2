// Pictograms of our own, drawn with one stroke on 24 × 24.

import { h } from "../core/dom.js";

const PATHS = {
  plus: "M12 5v14M5 12h14",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l4 4",
  close: "M6 6l12 12M18 6 6 18",
  check: "M5 12.5l4.5 4.5L19 7.5",
  film: "M4 5h16v14H4zM8 5v14M16 5v14M4 9.7h4M4 14.3h4M16 9.7h4M16 14.3h4",
  board: "M4 5h7v6H4zM13 5h7v6h-7zM4 13h7v6H4zM13 13h7v6h-7z",
  people: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM3 20c0-3.5 2.7-6 6-6s6 2.5 6 6M16 4.5a3.5 3.5 0 0 1 0 6M17.5 14.3c2.2.8 3.5 2.9 3.5 5.7",
  music: "M9 18V6l11-2v12M9 18a3 3 0 1 1-6 0 3 3 0 0 1 6 0zM20 16a3 3 0 1 1-6 0 3 3 0 0 1 6 0z",
  gauge: "M4 17a8.5 8.5 0 1 1 16 0M12 13l4-4",
  home: "M4 11l8-7 8 7v9h-5v-6H9v6H4z",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2.5M12 19.5V22M2 12h2.5M19.5 12H22M5 5l1.7 1.7M17.3 17.3 19 19M19 5l-1.7 1.7M6.7 17.3 5 19",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z",
  auto: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 3v18",
  globe: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM3.5 9h17M3.5 15h17M12 3c3 3 3.5 6 3.5 9s-.5 6-3.5 9c-3-3-3.5-6-3.5-9s.5-6 3.5-9z",
  keyboard: "M3 6h18v12H3zM7 10h.01M11 10h.01M15 10h.01M7 14h10M18.5 10h.01",
  more: "M6 12h.01M12 12h.01M18 12h.01",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10.5 11v5M13.5 11v5",
  play: "M8 5l11 7-11 7z",
  pause: "M8 5v14M16 5v14",
  stop: "M6.5 6.5h11v11h-11z",
  retry: "M20 11a8 8 0 1 0-2.3 6.3M20 5v6h-6",
  download: "M12 4v11M7 11l5 5 5-5M5 20h14",
  upload: "M12 16V5M7 9l5-5 5 5M5 20h14",
  copy: "M9 9h11v11H9zM15 9V4H4v11h5",
  left: "M15 5l-7 7 7 7",
  right: "M9 5l7 7-7 7",
  up: "M5 15l7-7 7 7",
  down: "M5 9l7 7 7-7",
  drag: "M9 6h.01M15 6h.01M9 12h.01M15 12h.01M9 18h.01M15 18h.01",
  split: "M12 3v18M8 8l-4 4 4 4M16 8l4 4-4 4",
  merge: "M12 3v18M4 8l4 4-4 4M20 8l-4 4 4 4",
  wand: "M4 20 15 9M17 3v4M15 5h4M20 11v3M18.5 12.5h3M9 4v3M7.5 5.5h3",
  voice: "M12 4a3 3 0 0 0-3 3v4a3 3 0 0 0 6 0V7a3 3 0 0 0-3-3zM6 11a6 6 0 0 0 12 0M12 17v4",
  speaker: "M4 9.5h4l5-4v13l-5-4H4zM16.5 9a4 4 0 0 1 0 6M19 6.5a8 8 0 0 1 0 11",
  warn: "M12 4 2.5 20h19zM12 10v4.5M12 17.5h.01",
  info: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 11v5M12 8h.01",
  out: "M14 4H5v16h9M10 12h11M17 8l4 4-4 4",
  key: "M8 11a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM11 12.5 20 4M16 8l3 3",
  clock: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7v5l3.5 2",
  history: "M4 5v5h5M4.6 10A8.5 8.5 0 1 1 4 14M12 8v4.5l3 2",
  full: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  camera: "M4 8h4l1.5-2.5h5L16 8h4v11H4zM12 10a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7z",
  edit: "M4 20l1-5L16 4l4 4L9 19zM14 6l4 4",
  text: "M6 3h9l4 4v14H6zM14 3v5h5M9 12h7M9 16h7",
  server: "M4 4h16v6H4zM4 14h16v6H4zM8 7h.01M8 17h.01",
  disk: "M5 6c0-1.7 3.1-3 7-3s7 1.3 7 3v12c0 1.7-3.1 3-7 3s-7-1.3-7-3zM5 6c0 1.7 3.1 3 7 3s7-1.3 7-3M5 12c0 1.7 3.1 3 7 3s7-1.3 7-3",
  cloudOff: "M7 18a4.5 4.5 0 0 1-.6-9M9.5 5.6A6 6 0 0 1 17.7 10 4 4 0 0 1 20 16.6M3 3l18 18",
  image: "M4 5h16v14H4zM8.5 8.5a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3zM4 17l5-4 3 2.5 4-4.5 4 4",
};

const FILLED = new Set(["play"]);
const DOTS = new Set(["more", "drag"]);

/** A pictogram; beside a text it is decoration, alone its button has the name. */
export function icon(name, props = {}) {
  const filled = FILLED.has(name);
  return h(
    "svg",
    { class: `icon ${props.class ?? ""}`.trim(), viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" },
    h("path", {
      d: PATHS[name] ?? PATHS.info,
      fill: filled ? "currentColor" : "none",
      stroke: "currentColor",
      "stroke-width": DOTS.has(name) ? "3" : "1.8",
      "stroke-linecap": "round",
      "stroke-linejoin": "round",
    }),
  );
}
