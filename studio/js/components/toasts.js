// Short news at the page's foot, which a screen reader hears; one may carry an action, such as undoing what was done.

import { h } from "../core/dom.js";
import { t } from "../core/i18n.js";
import { View } from "../core/view.js";
import { button } from "./basic.js";
import { icon } from "./icon.js";

const SHOWN_S = 6;
const WITH_ACTION_S = 20;

let all = [];
let count = 0;
let place = null;

/** notify("已保存"), notify("已删除", {action: {text, run}}), notify(error.message, {kind: "failed"}) */
export function notify(text, { kind = "done", action = null, seconds = action ? WITH_ACTION_S : SHOWN_S } = {}) {
  const id = (count += 1);
  all = [...all.slice(-3), { id, text, kind, action }];
  place?.refresh();
  if (kind !== "failed") setTimeout(() => dismiss(id), seconds * 1000);
  return () => dismiss(id);
}

/** What went wrong stays until it is closed. */
export const notifyError = (error) => notify(error.message, { kind: "failed" });

/** Said to screen readers alone: what ended, what moved. */
export function announce(text) {
  const region = document.querySelector("#announcements");
  if (!region) return;
  region.textContent = "";
  requestAnimationFrame(() => (region.textContent = text));
}

function dismiss(id) {
  all = all.filter((one) => one.id !== id);
  place?.refresh();
}

class Toasts extends View {
  start() {
    place = this;
    this.setAttribute("role", "region");
  }

  template() {
    this.setAttribute("aria-label", t("news"));
    return [
      h("div", { id: "announcements", class: "sr-only", "aria-live": "polite", opaque: true }),
      h(
        "div",
        { class: "toasts", "aria-live": "polite" },
        all.map(({ id, text, kind, action }) =>
          h(
            "div",
            { class: `toast ${kind}`, key: id, role: kind === "failed" ? "alert" : null },
            icon(kind === "failed" ? "warn" : kind === "info" ? "info" : "check"),
            h("span", { class: "toast-text", dir: "auto" }, text),
            action &&
              button(action.text, {
                kind: "ghost",
                onclick: () => {
                  dismiss(id);
                  action.run();
                },
              }),
            button("", { kind: "ghost", icon: "close", label: t("action.close"), onclick: () => dismiss(id) }),
          ),
        ),
      ),
    ];
  }
}

Toasts.define("s2v-toasts");
