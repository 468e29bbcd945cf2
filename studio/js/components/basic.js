// The small parts of every page, as functions that return a tree: buttons, fields, badges, progress, skeletons, empty and failed places.

import { h } from "../core/dom.js";
import { t } from "../core/i18n.js";
import { icon } from "./icon.js";

/**
 * button("生成", {kind: "primary", icon: "wand", onclick, busy, disabled, label}).
 * `kind`: primary (one on a page: the next step), danger, ghost, or nothing. `label`: the name of one that shows a pictogram alone.
 * What cannot be used now stays in the tab order where `why` says the reason.
 */
export function button(text, { kind = "", icon: picture, busy = false, disabled = false, why = "", label, href, class: more = "", onclick, ...props } = {}) {
  const classes = ["button", kind, text ? "" : "square", busy ? "busy" : "", more].filter(Boolean).join(" ");
  const off = disabled || busy;
  const content = [busy ? h("span", { class: "spinner", "aria-hidden": "true" }) : picture && icon(picture), text && h("span", {}, text)];
  const named = { "aria-label": label, title: why || label, "aria-busy": busy ? "true" : null };
  if (href && !off) return h("a", { class: classes, href, onclick, ...named, ...props }, content);
  return h(
    "button",
    {
      type: "button",
      class: classes,
      disabled: off && !why,
      "aria-disabled": off ? "true" : null,
      onclick: off ? (event) => event.preventDefault() : onclick,
      ...named,
      ...props,
    },
    content,
  );
}

/**
 * field("标题", {hint, error, id}, (attributes) => h("input", {...attributes, ...})).
 * The control gets its id, and what describes it.
 */
export function field(label, { id, hint = "", error = "", aside = null, class: more = "" }, control) {
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ") || null;
  return h(
    "div",
    { class: `field ${error ? "wrong" : ""} ${more}`.trim() },
    h("div", { class: "field-head" }, h("label", { for: id }, label), aside),
    control({ id, "aria-describedby": described, "aria-invalid": error ? "true" : null }),
    hint && h("p", { class: "hint", id: `${id}-hint` }, hint),
    error && h("p", { class: "error", id: `${id}-error` }, icon("warn"), error),
  );
}

/** A choice out of a few, shown side by side. `options`: [{value, label, content, hint}]. */
export function choices(name, legend, options, value, onchange, { class: more = "" } = {}) {
  return h(
    "fieldset",
    { class: `choices ${more}`.trim() },
    h("legend", {}, legend),
    h(
      "div",
      { class: "choices-row" },
      options.map((option) =>
        h(
          "label",
          { class: "choice", key: option.value, title: option.hint },
          h("input", { type: "radio", name, value: option.value, checked: option.value === value, onchange: () => onchange(option.value) }),
          h("span", { class: "choice-face" }, option.content ?? null, h("span", { class: "choice-text" }, option.label)),
        ),
      ),
    ),
  );
}

/** A selection out of a list: [[value, label], ...]. */
export function select(attributes, options, value, onchange) {
  return h(
    "select",
    { ...attributes, value, onchange: (event) => onchange(event.target.value) },
    options.map(([name, label]) => h("option", { value: name, key: name }, label)),
  );
}

const MARKS = { waiting: "clock", working: "wand", done: "check", failed: "close", stale: "history", paused: "pause" };

/** A state with its word and its mark: colour alone says nothing. */
export function badge(state, text = t(`state.${state}`)) {
  return h("span", { class: `badge ${state}` }, MARKS[state] && icon(MARKS[state]), text);
}

/** How far something is, in words beside the bar. */
export function progress(value, text, { label = text } = {}) {
  const known = typeof value === "number";
  return h(
    "div",
    { class: "progress" },
    h(
      "div",
      { class: `bar ${known ? "" : "endless"}`, role: "progressbar", "aria-label": label, "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": known ? Math.round(value) : null },
      h("span", { class: "bar-fill", style: { inlineSize: known ? `${Math.min(100, Math.max(0, value))}%` : "40%" } }),
    ),
    text && h("span", { class: "progress-text" }, text),
  );
}

/** What will be here soon. */
export function skeleton(lines = 3, props = {}) {
  return h(
    "div",
    { class: `skeleton ${props.class ?? ""}`, "aria-hidden": "true" },
    Array.from({ length: lines }, (_, place) => h("span", { class: "skeleton-line", style: { inlineSize: `${[92, 78, 60][place % 3]}%` } })),
  );
}

/** A place with nothing in it, which says what would be, and how. */
export function empty(title, text, action = null, picture = null) {
  return h("div", { class: "empty" }, picture, h("h2", {}, title), h("p", {}, text), action);
}

/** What went wrong, in the server's words, and what to do. */
export function problem(error, { title = t("error.title"), again = null } = {}) {
  return h(
    "div",
    { class: "problem", role: "alert" },
    icon("warn"),
    h("div", {}, h("strong", {}, title), h("p", {}, error?.message ?? String(error)), error?.requestId && h("p", { class: "hint" }, `${t("error.request")} ${error.requestId}`)),
    again && button(t("action.retry"), { icon: "retry", onclick: again }),
  );
}

/** The head of a page. Its title takes the focus when one comes here. */
export function pageHead(title, { lead = "", actions = [], above = null } = {}) {
  return h(
    "header",
    { class: "page-head" },
    h("div", { class: "page-titles" }, above, h("h1", { tabindex: "-1", id: "page-title", dir: "auto" }, title), lead && h("p", { class: "lead" }, lead)),
    actions.length > 0 && h("div", { class: "page-actions" }, actions),
  );
}

/** A picture in the size in which it is shown; a drawing where there is none. */
export function picture(src, { alt = "", class: more = "", hue = 210, ratio = "16 / 9", letter = "", eager = false } = {}) {
  const style = { "--hue": String(hue), aspectRatio: ratio };
  if (!src) return h("span", { class: `picture none ${more}`, style, role: alt ? "img" : null, "aria-label": alt || null }, letter && h("span", { class: "picture-letter", "aria-hidden": "true" }, letter));
  return h("span", { class: `picture ${more}`, style, key: src }, h("img", { src, alt, loading: eager ? "eager" : "lazy", decoding: "async", draggable: "false", onerror: (event) => event.target.remove() }));
}
