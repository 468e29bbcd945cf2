// The storyboard's shortcuts.

import { can } from "../core/config.js";
import { canEdit } from "../state/shots.js";
import { duplicate, insert, merge, split } from "./board-actions.js";

/** `page` is the storyboard. */
export function boardKeys(page) {
  const onCard = (run) => () => {
    const shot = page.selectedShot();
    return document.activeElement?.closest("[data-shot], [data-slot]") && shot ? void run(shot) : false;
  };
  const edit = canEdit()
    ? [
        { keys: "i", label: "key.insert", run: onCard((shot) => insert(page.projectId, shot.id)) },
        { keys: "d", label: "key.duplicate", run: onCard((shot) => duplicate(page.projectId, shot)) },
        { keys: "s", label: "key.split", run: onCard((shot) => split(page.projectId, shot)) },
        { keys: "m", label: "key.merge", run: onCard((shot) => page.isLast(shot) || merge(page.projectId, shot)) },
      ]
    : [];
  const order = can("order") ? [{ keys: ["Alt+ArrowLeft", "Alt+ArrowRight"], label: "key.move", run: (event) => page.moveSelected(event.key === "ArrowLeft" ? -1 : 1) }] : [];
  return [
    { keys: ["ArrowLeft", "ArrowRight"], label: "key.walk", run: (event) => page.walk(event.key === "ArrowLeft" ? -1 : 1) },
    { keys: ["Home", "End"], label: "key.ends", run: (event) => page.walk(event.key === "Home" ? -Infinity : Infinity) },
    ...order,
    ...edit,
    { keys: "Delete", label: "key.delete", run: onCard((shot) => page.askAndDelete(shot)) },
    { keys: "v", label: "key.view", run: () => page.setView(page.view() === "sheet" ? "line" : "sheet") },
  ];
}
