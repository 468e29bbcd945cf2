// The film's length, shot by shot: each slot is as wide as its shot is long.

import { h } from "../core/dom.js";
import { clock } from "../core/format.js";
import { t } from "../core/i18n.js";
import { stateOf } from "../state/project.js";
import { icon } from "./icon.js";

const MARK_EVERY = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600];
const MARKS = 8;
const LAST_MARK = 0.88; // of the whole: a later one has no room for its words on a phone

/** timeline(project, lengths, {selected, select, open}); `lengths` as by `lengthsOf`. */
export function timeline(project, lengths, { selected, select, open }) {
  const total = lengths.reduce((sum, one) => sum + one.seconds, 0);
  const exact = lengths.every((one) => one.isExact);
  return h(
    "section",
    { class: "timeline", "aria-label": t("time.title") },
    h("div", { class: "timeline-head" }, icon("clock"), h("h2", {}, t("time.title")), h("span", { class: "muted small numbers" }, t(exact ? "time.total" : "time.about", { length: clock(total) }))),
    h(
      "div",
      { class: "timeline-scroll", tabindex: "-1" },
      h(
        "div",
        { class: "timeline-strip" },
        h("div", { class: "timeline-track", role: "group", "aria-label": t("time.title") }, lengths.map((one) => slot(project, one, selected, select, open))),
        h("div", { class: "timeline-marks numbers", "aria-hidden": "true" }, marks(total).map((second) => h("span", { key: second, style: { insetInlineStart: `${(100 * second) / total}%` } }, clock(second)))),
      ),
    ),
  );
}

function slot(project, { shot, seconds, isExact }, selected, select, open) {
  const name = t("time.slot", { n: shot.order, title: shot.title, length: clock(seconds) }) + (isExact ? "" : t("time.guess"));
  return h(
    "button",
    {
      type: "button",
      class: `slot ${stateOf(project, shot)} ${isExact ? "" : "guess"} ${shot.id === selected ? "selected" : ""}`,
      key: shot.id,
      "data-slot": shot.id,
      "aria-label": name,
      "aria-pressed": String(shot.id === selected),
      title: name,
      tabindex: shot.id === selected ? "0" : "-1",
      style: { flexGrow: seconds.toFixed(2) },
      onclick: () => select(shot.id),
      ondblclick: () => open(shot.id),
    },
    h("span", { class: "numbers" }, String(shot.order)),
    h("span", { class: "slot-length numbers" }, clock(seconds)),
  );
}

function marks(total) {
  const step = MARK_EVERY.find((one) => total / one <= MARKS) ?? MARK_EVERY.at(-1);
  return Array.from({ length: Math.floor(total / step) + 1 }, (_, place) => place * step).filter((second) => second < total * LAST_MARK);
}
