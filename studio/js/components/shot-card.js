// One shot as a card: its picture, its state, how far it is, who is in it, and what can be done with it.

import { h } from "../core/dom.js";
import { clock, hue } from "../core/format.js";
import { t } from "../core/i18n.js";
import { href } from "../core/router.js";
import { stateOf, taskOf } from "../state/project.js";
import { badge, button, picture, progress } from "./basic.js";
import { stageOf } from "./failure.js";
import { icon } from "./icon.js";
import { shotPicture } from "./media.js";
import { menu } from "./menu.js";

const SHOWN = 300; // CSS pixels of a card's picture

/** The names of who is in a shot: those that the server names, else those whom its words name. */
export function namesIn(shot, cast) {
  if (!cast?.length) return [];
  const named = Array.isArray(shot.cast) ? cast.filter((one) => shot.cast.includes(one.id)) : cast.filter((one) => one.name && `${shot.title} ${shot.narration} ${shot.prompt}`.includes(one.name));
  return named.map((one) => one.name);
}

/**
 * shotCard({project, shot, selected, length, isExact, drop, dragging, editable}, {select, drag, retry, items}).
 * `drop`: "before" or "after", where what is dragged would come.
 */
export function shotCard({ project, shot, selected, length, isExact, drop, dragging, movable, isStale }, { select, drag, retry, items }) {
  const state = stateOf(project, shot);
  const task = taskOf(project, shot.id);
  const title = shot.title || t("card.untitled");
  return h(
    "li",
    {
      class: ["card", "shot-card", state, selected ? "selected" : "", dragging ? "dragging" : "", drop ? `drop-${drop}` : ""].filter(Boolean).join(" "),
      key: shot.id,
      "data-shot": shot.id,
      "aria-current": selected ? "true" : null,
    },
    h(
      "a",
      {
        class: "shot-link",
        href: href("shot", { project: project.id, shot: shot.id }),
        tabindex: selected ? "0" : "-1",
        "aria-labelledby": `shot-title-${shot.id}`,
        "aria-describedby": `shot-facts-${shot.id}`,
        draggable: "false",
        onfocus: () => select(shot.id),
      },
      picture(shotPicture(shot, SHOWN), { hue: hue(shot.id), letter: String(shot.order), eager: shot.order <= 4 }),
      h("span", { class: "over" }, h("span", { class: "badge numbers" }, String(shot.order)), badge(state)),
      h("span", { class: "over length numbers" }, h("span", { class: "badge" }, `${isExact ? "" : "≈ "}${clock(length)}`)),
    ),
    h(
      "div",
      { class: "shot-body" },
      h("h3", { class: "shot-title clip", id: `shot-title-${shot.id}`, dir: "auto" }, h("span", { class: "sr-only" }, `${t("card.shot", { n: shot.order })} `), title),
      h("div", { class: "shot-tools" }, movable && handle(shot, drag), menu({ label: t("card.more", { n: shot.order }), items })),
      h("div", { class: "shot-facts", id: `shot-facts-${shot.id}` }, facts(project, shot, state, task, isStale)),
      state === "failed" && task && h("div", { class: "row" }, button(t("action.retry"), { icon: "retry", class: "small", onclick: () => retry(task) })),
    ),
  );
}

function facts(project, shot, state, task, isStale) {
  const names = namesIn(shot, project.cast);
  return [
    state === "working" && progress(task.progress, `${stageOf(task)} · ${task.message || `${task.progress}%`}`, { label: stageOf(task) }),
    state === "failed" && task && h("p", { class: "shot-error", dir: "auto" }, icon("warn"), h("span", {}, `${stageOf(task)}：${task.error || task.message || "—"}`)),
    h("p", { class: "shot-words small", dir: "auto" }, shot.narration?.trim() || h("span", { class: "muted" }, t("card.silent"))),
    names.length > 0 && h("p", { class: "shot-cast small muted clip", title: t("card.cast", { names: names.join("、") }) }, icon("people"), h("span", { dir: "auto" }, names.join("、"))),
    isStale && h("p", { class: "small" }, badge("stale", t("card.stale"))),
  ];
}

function handle(shot, drag) {
  return h("button", { type: "button", class: "button ghost square small handle", "aria-label": t("card.move", { n: shot.order }), title: t("card.move", { n: shot.order }), tabindex: "-1", onpointerdown: (event) => drag(event, shot.id) }, icon("drag"));
}
