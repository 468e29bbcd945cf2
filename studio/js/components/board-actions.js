// What can be done with a shot on the storyboard; each says what it did, and how it is undone where it can be.

import { can } from "../core/config.js";
import { h } from "../core/dom.js";
import { t } from "../core/i18n.js";
import { go, href } from "../core/router.js";
import { deleteShot, duplicateShot, insertShot, mergeShot, orderShots, paint, splitShot, undeleteShot, undoShot } from "../state/shots.js";
import { projectOf } from "../state/project.js";
import { placed } from "./reorder.js";
import { confirm, openDialog } from "./dialog.js";
import { announce, notify, notifyError } from "./toasts.js";

const shotsOf = (project) => projectOf(project).shots;
const orderOf = (project, id) => shotsOf(project).find((shot) => shot.id === id)?.order;

/** Run something, say what went wrong; returns whether it went well. */
export async function tried(run) {
  try {
    await run();
    return true;
  } catch (error) {
    notifyError(error);
    return false;
  }
}

/** A new shot behind `after` (null: as the first), opened at once. */
export const insert = (project, after) =>
  tried(async () => {
    const shot = await insertShot(project, after, { title: t("board.newShot") });
    notify(t("board.added", { n: shot.order }), { action: undoing(project, shot) });
    go(href("shot", { project, shot: shot.id }));
  });

export const duplicate = (project, shot) =>
  tried(async () => {
    const made = await duplicateShot(project, shot.id);
    notify(t("card.duplicated", { n: made.order }), { action: undoing(project, made) });
  });

function undoing(project, shot) {
  return { text: t("action.undo"), run: () => tried(() => deleteShot(project, shot.id)) };
}

/** Back from a split or a merge. */
function backFrom(project, shot) {
  return { text: t("action.undo"), run: () => tried(async () => { await undoShot(project, shot.id); notify(t("card.restored")); }) };
}

export const repaint = (project, shot) =>
  tried(async () => {
    await paint(project, shot.id, { prompt: shot.prompt });
    notify(t("card.painting", { n: shot.order }), { kind: "info" });
  });

/** One place on or back; `step` is 1 or -1. Returns the new order's ids, null where it is at the end. */
export function moved(project, id, step) {
  const ids = shotsOf(project).map((shot) => shot.id);
  const at = ids.indexOf(id);
  const target = ids[at + step];
  return target === undefined ? null : placed(ids, id, target, step > 0 ? "after" : "before");
}

export async function order(project, wanted, id) {
  const before = shotsOf(project).map((shot) => shot.id);
  if (!wanted || wanted.every((one, place) => one === before[place])) return;
  announce(t("card.moved", { n: wanted.indexOf(id) + 1, total: wanted.length }));
  await tried(async () => {
    await orderShots(project, wanted);
    notify(t("card.reordered"), { action: { text: t("action.undo"), run: () => tried(() => orderShots(project, before)) } });
  });
}

export async function merge(project, shot) {
  const n = shot.order;
  if (!(await confirm({ title: t("card.merge.title", { n, m: n + 1 }), text: t("card.merge.text", { n }), action: t("card.merge.do"), danger: false }))) return;
  await tried(async () => {
    const { undo_until } = await mergeShot(project, shot.id);
    notify(t("card.merged"), { action: undo_until && backFrom(project, shot) });
  });
}

export async function remove(project, shot) {
  const n = shot.order;
  const text = t(can("undelete") ? "card.delete.undo" : "card.delete.final");
  if (!(await confirm({ title: t("card.delete.title", { n }), text, action: t("action.delete") }))) return false;
  return tried(async () => {
    const until = await deleteShot(project, shot.id);
    const undo = { text: t("action.undo"), run: () => tried(async () => { await undeleteShot(project, shot.id); notify(t("card.restored")); }) };
    notify(t("card.deleted", { n }), { action: until && undo });
  });
}

/** The places behind a sentence, counted in characters, with the two parts that come of each. */
export function splitPlaces(narration) {
  const letters = [...narration];
  const found = [];
  letters.forEach((letter, place) => {
    const next = letters[place + 1];
    const ends = /[。！？!?；;\n]/.test(letter) || (letter === "." && /\s/.test(next ?? "")) || (/[，,、：:]/.test(letter) && letters.length < 60);
    const parts = [letters.slice(0, place + 1).join("").trim(), letters.slice(place + 1).join("").trim()];
    if (ends && parts.every(Boolean)) found.push({ at: place + 1, parts });
  });
  return found;
}

export async function split(project, shot) {
  const places = splitPlaces(shot.narration ?? "");
  let chosen = places[Math.floor((places.length - 1) / 2)]?.at;
  const answer = await openDialog({
    title: t("split.title", { n: shot.order }),
    body: ({ redraw }) => (places.length ? splitBody(places, chosen, (at) => { chosen = at; redraw(); }) : h("p", {}, t("split.none"))),
    actions: [{ text: t("action.cancel"), kind: "ghost", value: false }, ...(places.length ? [{ text: t("split.do"), kind: "primary", icon: "split", value: true }] : [])],
  });
  if (!answer) return;
  await tried(async () => {
    const { shots: [first, second], undo_until } = await splitShot(project, shot.id, chosen);
    notify(t("split.done", { n: first.order, m: second.order ?? orderOf(project, second.id) }), { action: undo_until && backFrom(project, shot) });
  });
}

function splitBody(places, chosen, choose) {
  return [
    h("p", {}, t("split.text")),
    h(
      "fieldset",
      { class: "split-places" },
      h("legend", { class: "sr-only" }, t("split.legend")),
      places.map(({ at, parts }) =>
        h(
          "label",
          { class: "split-place", key: at },
          h("input", { type: "radio", name: "split", value: String(at), checked: at === chosen, onchange: () => choose(at) }),
          h("span", { dir: "auto" }, shortened(parts[0], true), h("span", { class: "split-mark", "aria-hidden": "true" }, "┃"), shortened(parts[1], false)),
        ),
      ),
    ),
  ];
}

function shortened(text, isEnd, most = 36) {
  const letters = [...text];
  if (letters.length <= most) return text;
  return isEnd ? `…${letters.slice(-most).join("")}` : `${letters.slice(0, most).join("")}…`;
}
