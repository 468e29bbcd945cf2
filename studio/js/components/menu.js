// <s2v-menu .label .icon .items>: a button with a menu. Arrow keys, Home, End and letters walk it, Escape closes it.

import { h } from "../core/dom.js";
import { View } from "../core/view.js";
import { button } from "./basic.js";
import { icon } from "./icon.js";

const GAP = 6;

class Menu extends View {
  static properties = ["label", "icon", "text", "items", "kind"];

  start() {
    this.local = { open: false };
    const moved = () => this.local.open && this.place();
    addEventListener("scroll", moved, { capture: true, passive: true });
    this.until(() => removeEventListener("scroll", moved, { capture: true }));
    const outside = (event) => this.local.open && !this.contains(event.target) && this.close(false);
    document.addEventListener("pointerdown", outside);
    this.until(() => document.removeEventListener("pointerdown", outside));
    this.addEventListener("keydown", (event) => this.pressed(event));
    this.addEventListener("focusout", (event) => this.local.open && event.relatedTarget && !this.contains(event.relatedTarget) && this.close(false));
  }

  template() {
    const { open } = this.local;
    return [
      button(this.text ?? "", {
        kind: this.kind ?? "ghost",
        icon: this.icon ?? "more",
        label: this.label,
        "aria-haspopup": "menu",
        "aria-expanded": String(open),
        onclick: () => (open ? this.close() : this.open()),
      }),
      open && h("div", { class: "menu", role: "menu", "aria-label": this.label }, (typeof this.items === "function" ? this.items() : this.items ?? []).filter(Boolean).map((item) => this.item(item))),
    ];
  }

  item(item) {
    if (item === "-") return h("hr", { role: "separator" });
    const props = {
      class: `menu-item ${item.danger ? "danger" : ""}`,
      role: item.checked === undefined ? "menuitem" : "menuitemradio",
      "aria-checked": item.checked === undefined ? null : String(Boolean(item.checked)),
      tabindex: "-1",
      "aria-disabled": item.disabled ? "true" : null,
      title: item.why,
      key: item.label,
    };
    const content = [icon(item.checked ? "check" : (item.icon ?? "right"), { class: item.checked === false ? "away" : "" }), h("span", {}, item.label), item.keys && h("kbd", {}, item.keys)];
    if (item.href) return h("a", { ...props, href: item.href, download: item.download, onclick: () => this.close(false) }, content);
    return h("button", { ...props, type: "button", onclick: () => !item.disabled && this.choose(item) }, content);
  }

  choose(item) {
    this.close();
    item.run();
  }

  open() {
    this.local = { open: true };
    this.draw();
    const menu = this.querySelector(".menu");
    menu.popover = "manual"; // above everything, and cut off by nothing that scrolls
    menu.showPopover?.();
    this.place();
    this.entries()[0]?.focus({ preventScroll: true });
  }

  /** Below its button, else above it, and never out of sight. */
  place() {
    const menu = this.querySelector(".menu");
    const near = this.querySelector("button").getBoundingClientRect();
    const room = menu.getBoundingClientRect();
    const below = near.bottom + GAP;
    const top = below + room.height <= innerHeight - GAP ? below : near.top - GAP - room.height;
    const left = getComputedStyle(this).direction === "rtl" ? near.left : near.right - room.width;
    menu.style.setProperty("top", `${Math.max(GAP, Math.min(top, innerHeight - GAP - room.height))}px`);
    menu.style.setProperty("left", `${Math.max(GAP, Math.min(left, innerWidth - GAP - room.width))}px`);
  }

  close(back = true) {
    this.local = { open: false };
    this.draw();
    if (back) this.querySelector("button")?.focus();
  }

  entries() {
    return [...this.querySelectorAll(".menu-item")];
  }

  pressed(event) {
    if (!this.local.open) {
      if (event.key === "ArrowDown") this.open();
      else return;
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    const entries = this.entries();
    const at = entries.indexOf(document.activeElement);
    const places = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: entries.length - 1 };
    if (event.key in places) entries.at(places[event.key] % entries.length)?.focus();
    else if (event.key === "Escape") this.close();
    else if (event.key === "Tab") return this.close(false);
    else if (event.key.length === 1 && event.key !== " ") entries.find((one) => one.textContent.toLowerCase().startsWith(event.key.toLowerCase()))?.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

Menu.define("s2v-menu");

/** `items` may be a function, which is asked when the menu opens. menu({label, icon, text, items: [{label, icon, run | href, danger, disabled, checked, keys}, "-"]}) */
export const menu = (props) => h("s2v-menu", props);
