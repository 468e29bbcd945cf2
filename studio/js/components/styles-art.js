// The styles that one can choose, each with a drawing of the same place: a moon, hills and a house, as that style would have them.

import { h } from "../core/dom.js";

export const STYLES = ["movie", "anime", "realistic", "watercolor", "ink", "picture book", "pixel art", "noir"];

const gradient = (id, ...stops) =>
  h("linearGradient", { id, x1: "0", y1: "0", x2: "0", y2: "1" }, stops.map(([offset, colour]) => h("stop", { offset, "stop-color": colour })));
const box = (fill, x = 0, y = 0, width = 160, height = 100, more = {}) => h("rect", { x, y, width, height, fill, ...more });
const disc = (fill, cx, cy, r, more = {}) => h("circle", { cx, cy, r, fill, ...more });
const line = (d, fill, more = {}) => h("path", { d, fill, ...more });

const DRAWINGS = {
  movie: () => [
    gradient("art-movie", ["0", "#0b2b3a"], [".55", "#c2613a"], ["1", "#f2b66b"]),
    box("url(#art-movie)"),
    disc("#ffe3b0", 112, 58, 13),
    line("M0 74 40 52 70 70 104 60 160 78V100H0z", "#12222b"),
    line("M46 62l12-9 12 9v14H46z", "#0a151b"),
    box("#ffd27a", 55, 65, 5, 6),
    box("#000", 0, 0, 160, 11),
    box("#000", 0, 89, 160, 11),
  ],
  anime: () => [
    gradient("art-anime", ["0", "#3f8bff"], [".7", "#a6dcff"], ["1", "#e8f7ff"]),
    box("url(#art-anime)"),
    line("M78 46c2-12 18-15 24-6 6-6 18-3 18 6 10-1 13 12 3 13H80c-10 0-11-12-2-13z", "#fff"),
    line("M8 34c1-8 12-10 16-4 4-4 12-2 12 4 7 0 8 8 2 8H10c-7 0-8-8-2-8z", "#fff", { opacity: ".85" }),
    line("M0 78C34 58 66 66 92 76s48 4 68-8v32H0z", "#5ecb6f"),
    line("M0 90c46-14 98-6 160-8v18H0z", "#35a854"),
    line("M34 66l13-11 13 11v15H34z", "#ff7b6b"),
    line("M31 68l16-14 16 14-3 3-13-11-13 11z", "#d94a48"),
  ],
  realistic: () => [
    gradient("art-real", ["0", "#7fa6c9"], [".6", "#dfe3dc"], ["1", "#f4e2c3"]),
    box("url(#art-real)"),
    disc("#fff6dc", 44, 40, 10, { opacity: ".9" }),
    line("M0 66 26 44 48 58 80 34 116 62 138 50 160 62v38H0z", "#8ea2ad"),
    line("M0 76 34 62 70 74 110 60 160 74v26H0z", "#64797a"),
    line("M0 86c40-10 96-12 160-2v16H0z", "#46584c"),
    line("M104 72l11-8 11 8v11h-22z", "#6d5a4a"),
    line("M102 73l13-10 13 10-2 2-11-8-11 8z", "#4b3a30"),
  ],
  watercolor: () => [
    box("#fbf6ec"),
    disc("#f6c7b0", 118, 32, 20, { opacity: ".8" }),
    disc("#f3b2a2", 114, 34, 13, { opacity: ".55" }),
    line("M-6 64C22 40 48 66 76 52s58-22 92 6v44H-6z", "#9cc3d6", { opacity: ".6" }),
    line("M-6 78c36-22 70 2 98-8s52-8 74 2v34H-6z", "#8fbf9f", { opacity: ".7" }),
    line("M-6 90c44-12 96 0 172-6v20H-6z", "#6ea587", { opacity: ".6" }),
    line("M44 68l12-9 13 9-1 14H45z", "#d98a79", { opacity: ".75" }),
    disc("#9cc3d6", 26, 26, 16, { opacity: ".35" }),
  ],
  ink: () => [
    box("#f6f2e8"),
    disc("#c8412f", 122, 30, 9, { opacity: ".9" }),
    line("M0 70c18-4 22-34 38-34s18 26 34 28 20-18 34-18 26 20 54 22v32H0z", "#2c2c2c", { opacity: ".3" }),
    line("M0 84c20 0 28-26 44-24s20 18 40 18 34-12 76-6v28H0z", "#1c1c1c", { opacity: ".62" }),
    line("M0 94c60-8 100 2 160-4v10H0z", "#111", { opacity: ".85" }),
    line("M86 70c5-4 9-4 14 0M93 70v9M88 73h10", "none", { stroke: "#111", "stroke-width": "2" }),
    line("M16 22c6-5 10 3 15-1M28 30c5-4 9 2 13-1", "none", { stroke: "#333", "stroke-width": "1.6", "stroke-linecap": "round" }),
  ],
  "picture book": () => [
    box("#ffd98a"),
    disc("#fff3cf", 122, 34, 17),
    line("M0 72q40-32 80-6t80-8v42H0z", "#f08a5d"),
    line("M0 86q44-22 90-4t70-6v24H0z", "#3d8c84"),
    box("#fff8e8", 36, 58, 26, 24, { rx: 4 }),
    line("M30 60q19-28 38 0z", "#c94f4f"),
    box("#3d8c84", 45, 68, 8, 14, { rx: 4 }),
    line("M104 84v-12", "none", { stroke: "#7a4b2a", "stroke-width": "4", "stroke-linecap": "round" }),
    disc("#5aa469", 104, 66, 11),
  ],
  "pixel art": () => [
    box("#1b2a5c"),
    [[20, 16], [52, 28], [84, 12], [140, 52]].map(([x, y]) => box("#ffffff", x, y, 4, 4)),
    box("#ffe08a", 112, 20, 24, 24),
    box("#1b2a5c", 112, 20, 8, 8),
    [[0, 76], [20, 68], [40, 60], [60, 68], [80, 72], [100, 64], [120, 60], [140, 68]].map(([x, y]) => box("#3bb273", x, y, 20, 40)),
    [[0, 88], [40, 84], [80, 88], [120, 84]].map(([x, y]) => box("#1f8a5b", x, y, 40, 20)),
    box("#e4572e", 48, 52, 24, 8),
    box("#f3a712", 48, 60, 24, 16),
    box("#5b3a29", 56, 66, 8, 10),
  ],
  noir: () => [
    box("#0c0c0d"),
    disc("#f2f2f2", 118, 30, 17),
    line("M0 62l40-14 30 12 40-16 50 20v36H0z", "#1f1f22"),
    line("M0 84 70 66l90 14v20H0z", "#000"),
    line("M40 56l15-12 15 12v24H40z", "#2b2b2f"),
    box("#f7e9b0", 51, 62, 8, 9),
    line("M51 71l-22 29h46L59 71z", "#f7e9b0", { opacity: ".2" }),
    line("M10 0 0 22M30 0 14 34M58 0 44 28M92 0 76 32M140 0 128 24", "none", { stroke: "#fff", "stroke-width": "1", opacity: ".28" }),
  ],
};

/** The drawing of a style. */
export function styleArt(name) {
  return h("svg", { class: "style-art", viewBox: "0 0 160 100", preserveAspectRatio: "xMidYMid slice", "aria-hidden": "true" }, DRAWINGS[name]());
}
