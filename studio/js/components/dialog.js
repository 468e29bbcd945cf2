// Dialogs: the browser's own, so that focus stays inside and goes back where it came from.

import { h, patch } from "../core/dom.js";
import { t } from "../core/i18n.js";
import { store } from "../core/store.js";
import { button } from "./basic.js";

let count = 0;

/**
 * Open a dialog; resolves to what closed it: an action's `value`, or null.
 * `body`: a function that returns its tree, drawn again whenever the store changes or `redraw` is called.
 * `actions`: [{text, kind, value, run}]; one whose `run` returns false leaves it open.
 */
export function openDialog({ title, body, actions = [], wide = false, onopen }) {
  const dialog = document.createElement("dialog");
  const id = `dialog-${(count += 1)}`;
  dialog.className = wide ? "dialog wide" : "dialog";
  dialog.setAttribute("aria-labelledby", `${id}-title`);
  return new Promise((done) => {
    let answer = null;
    const close = (value = null) => {
      answer = value;
      dialog.close();
    };
    const draw = () => patch(dialog, frame(id, title, body({ close, redraw: draw }), actions, close));
    const end = store.subscribe(draw);
    dialog.addEventListener("click", (event) => event.target === dialog && close());
    dialog.addEventListener("close", () => {
      end();
      dialog.remove();
      done(answer);
    });
    document.body.append(dialog);
    draw();
    dialog.showModal();
    onopen?.(dialog);
  });
}

function frame(id, title, content, actions, close) {
  return h(
    "div",
    { class: "dialog-frame" },
    h(
      "header",
      { class: "dialog-head" },
      h("h2", { id: `${id}-title`, dir: "auto" }, typeof title === "function" ? title() : title),
      button("", { kind: "ghost", icon: "close", label: t("action.close"), onclick: () => close() }),
    ),
    h("div", { class: "dialog-body" }, content),
    actions.length > 0 &&
      h(
        "footer",
        { class: "dialog-foot" },
        actions.map((action) =>
          button(action.text, {
            kind: action.kind,
            icon: action.icon,
            onclick: async () => {
              const result = await action.run?.();
              if (result !== false) close(action.value ?? null);
            },
          }),
        ),
      ),
  );
}

/** Ask once, with the name of what would happen; resolves to whether it shall. */
export async function confirm({ title, text, action, danger = true }) {
  const answer = await openDialog({
    title,
    body: () => h("p", { dir: "auto" }, text),
    actions: [
      { text: t("action.cancel"), kind: "ghost", value: false },
      { text: action, kind: danger ? "danger" : "primary", value: true },
    ],
  });
  return answer === true;
}
