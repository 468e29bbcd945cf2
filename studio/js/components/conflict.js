// Two people changed the same words of a shot: both texts, and for each the choice.

import { h } from "../core/dom.js";
import { t } from "../core/i18n.js";
import { button, choices } from "./basic.js";
import { openDialog } from "./dialog.js";

const NAMES = { title: "shot.name", prompt: "shot.prompt", narration: "shot.narration", transition: "shot.transition", motion: "shot.motion", cast: "shot.cast" };

/** `both`: [{field, mine, theirs}]; resolves to the fields whose own text is to be written, null where nothing was chosen. */
export async function conflict(both) {
  const chosen = Object.fromEntries(both.map(({ field }) => [field, "mine"]));
  return openDialog({
    title: t("conflict.title"),
    wide: true,
    body: ({ redraw, close }) => [
      h("p", {}, t("conflict.text")),
      both.map(({ field, mine, theirs }) =>
        choices(
          `conflict-${field}`,
          t(NAMES[field] ?? "shot.form"),
          [["mine", mine], ["theirs", theirs]].map(([value, text]) => ({ value, label: t(`conflict.${value}`), content: h("span", { class: "conflict-text", dir: "auto" }, String(text) || "—") })),
          chosen[field],
          (value) => { chosen[field] = value; redraw(); },
          { class: "conflict" },
        ),
      ),
      h(
        "div",
        { class: "row" },
        button(t("action.save"), { kind: "primary", icon: "check", onclick: () => close(both.map(({ field }) => field).filter((field) => chosen[field] === "mine")) }),
        button(t("conflict.useTheirs"), { kind: "ghost", onclick: () => close([]) }),
      ),
    ],
  });
}
