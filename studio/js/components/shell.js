// <s2v-app>: what stands around every page, and the page itself.

import { h } from "../core/dom.js";
import { currentLanguage, setLanguage, t } from "../core/i18n.js";
import { allShortcuts, areKeysOn, shortcuts, switchKeys } from "../core/keys.js";
import { go, href } from "../core/router.js";
import { ROUTES } from "../core/routes.js";
import { isAdmin, logOut } from "../core/session.js";
import { store } from "../core/store.js";
import { currentTheme, setTheme } from "../core/theme.js";
import { View } from "../core/view.js";
import { forgetEverything } from "../state/kept.js";
import { BASE, can, config } from "../core/config.js";
import { button, pageHead, problem, skeleton } from "./basic.js";
import { openDialog } from "./dialog.js";
import { icon } from "./icon.js";
import { menu } from "./menu.js";
import "./toasts.js";

const PROJECT_PLACES = [["storyboard", "board"], ["cast", "people"], ["film", "film"], can("resume") && ["options", "edit"]].filter(Boolean);
const RELOADED = "s2v.reloaded";

class App extends View {
  start() {
    this.local = { page: null, failed: null };
    this.addEventListener("drawn", () => this.arrive()); // by the page too, whose title may come later than it
    this.until(shortcuts("nav.everywhere", [
      { keys: "?", label: "keys.help", run: () => this.showKeys() },
      { keys: "g", label: "keys.assets", run: () => go(href("assets")) },
      { keys: "n", label: "keys.create", run: () => go(href("create")) },
      { keys: "/", label: "keys.search", run: () => this.focusSearch() },
    ]));
  }

  template() {
    const { route, session } = store.state;
    if (!route || session.status === "unknown") return this.frame(h("div", { class: "page" }, skeleton(4)));
    const name = session.status === "out" ? "login" : route.name;
    this.drawing = route; // a page that is about to go may still draw itself while the store is further
    this.load(name);
    return this.frame(this.page(name, route));
  }

  frame(page) {
    return [
      h("a", { class: "skip", href: "#main", onclick: (event) => this.skip(event) }, t("nav.skip")),
      this.bar(),
      h("main", { id: "main", tabindex: "-1" }, page),
      h("s2v-toasts", {}),
    ];
  }

  page(name, route) {
    const found = ROUTES.find((one) => one.name === name);
    if (!found) return h("div", { class: "page" }, pageHead(t("missing.title"), { lead: t("missing.text") }), h("div", {}, button(t("nav.assets"), { kind: "primary", href: href("assets") })));
    if (this.local.failed === name) return h("div", { class: "page" }, problem(new Error(t("page.failed")), { again: () => location.reload() }));
    if (this.local.page !== name) return h("div", { class: "page" }, skeleton(5));
    const which = [name, route.params.project, route.params.shot].filter(Boolean).join(" ");
    return h(found.element, { key: which, route });
  }

  bar() {
    const { route, session } = store.state;
    const isIn = session.status === "in" || session.status === "open";
    return h(
      "header",
      { class: "app-bar" },
      h("a", { class: "brand", href: href("assets"), "aria-label": `StoryToVideo: ${t("nav.assets")}` }, h("img", { src: `${BASE}/img/icon.svg`, alt: "", width: "30", height: "30" }), h("span", {}, "StoryToVideo")),
      isIn && h("nav", { class: "main-nav", "aria-label": t("nav.main") }, this.places(route)),
      h("div", { class: "bar-end" }, this.connection(), this.language(), this.theme(), this.help(), session.user && this.account(session.user)),
    );
  }

  places(route) {
    const list = [["assets", "home"], ["create", "plus"], ["music", "music"], isAdmin() && ["system", "gauge"]].filter(Boolean);
    return list.map(([name, picture]) =>
      h("a", { href: href(name), class: "nav-item", "aria-current": route?.name === name ? "page" : null, key: name }, icon(picture), h("span", {}, t(`nav.${name}`))),
    );
  }

  connection() {
    const { connection } = store.state;
    if (connection !== "stale" && connection !== "offline") return null;
    return h("span", { class: `connection ${connection}`, role: "status", title: t(`connection.${connection}.why`) }, icon("cloudOff"), h("span", {}, t(`connection.${connection}`)));
  }

  language() {
    const other = currentLanguage() === "zh" ? "en" : "zh";
    return h(
      "button",
      { type: "button", class: "button ghost language", lang: other === "zh" ? "zh-CN" : "en", "aria-label": other === "zh" ? "切换到中文" : "Switch to English", onclick: () => setLanguage(other) },
      icon("globe"),
      h("span", {}, other === "zh" ? "中文" : "EN"),
    );
  }

  theme() {
    const now = currentTheme();
    const items = [["auto", "auto"], ["dark", "moon"], ["light", "sun"]].map(([name, picture]) => ({ label: t(`theme.${name}`), icon: picture, checked: now === name, run: () => setTheme(name) }));
    return menu({ label: t("theme.title"), icon: now === "light" ? "sun" : now === "dark" ? "moon" : "auto", items });
  }

  help() {
    return button("", { kind: "ghost", icon: "keyboard", label: t("keys.title"), class: "wide-only", onclick: () => this.showKeys() });
  }

  account(user) {
    return menu({ label: t("account", { name: user.username }), icon: "key", items: [{ label: t("action.logout"), icon: "out", run: () => leave() }] });
  }

  showKeys() {
    openDialog({
      title: () => t("keys.title"),
      body: ({ redraw }) => [
        allShortcuts().map(({ title, list }) =>
          h("section", { class: "keys" }, h("h3", {}, t(title)), h("dl", {}, list.map((one) => h("div", {}, h("dt", {}, shown(one.keys)), h("dd", {}, t(one.label)))))),
        ),
        h(
          "label",
          { class: "check" },
          h("input", { type: "checkbox", checked: areKeysOn(), onchange: (event) => { switchKeys(event.target.checked); redraw(); } }),
          h("span", {}, t("keys.single")),
        ),
      ],
    });
  }

  focusSearch() {
    const found = document.querySelector('input[type="search"]');
    if (!found) return false;
    found.focus();
    return true;
  }

  skip(event) {
    event.preventDefault();
    document.querySelector("#main").focus();
  }

  async load(name) {
    if (this.local.page === name || this.loading === name) return;
    const route = ROUTES.find((one) => one.name === name);
    if (!route) {
      this.local = { page: name, failed: null };
      return;
    }
    this.loading = name;
    try {
      const page = await route.load();
      await Promise.all((page.styles ?? []).map(addStyle));
      sessionStorage.removeItem(RELOADED);
      if (this.loading === name) this.set({ page: name, failed: null });
    } catch (error) {
      console.warn(error);
      if (!reloadOnce()) this.set({ failed: name });
    } finally {
      if (this.loading === name) this.loading = null;
    }
  }

  /** Once a place has its title, it begins there: scrolled and focused, unless somebody is at work in it already. */
  arrive() {
    const route = this.drawing;
    const title = this.querySelector("#page-title");
    document.title = title ? `${title.textContent} · StoryToVideo` : "StoryToVideo";
    const place = route?.path.split("?")[0];
    if (!title || this.shown === place) return;
    const first = this.shown === undefined;
    this.shown = place;
    scrollTo(0, route.scroll ?? 0);
    const isAtWork = this.querySelector("#main").contains(document.activeElement?.closest("#main *"));
    if (!first && !isAtWork && !this.querySelector("main [autofocus]")) title.focus({ preventScroll: true });
  }
}

async function leave() {
  await logOut();
  await forgetEverything();
}

/** A new edition of the page is there, and this one's files are gone. */
function reloadOnce() {
  if (!navigator.onLine || sessionStorage.getItem(RELOADED)) return false;
  sessionStorage.setItem(RELOADED, "1");
  location.reload();
  return true;
}

function addStyle(name) {
  const address = `${BASE}/css/${name}`;
  if (document.querySelector(`link[href="${address}"]`)) return null;
  return new Promise((done, failed) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = address;
    link.onload = done;
    link.onerror = failed;
    document.head.append(link);
  });
}

const NAMES = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", " ": "Space", Mod: /Mac|iP/.test(navigator.platform) ? "⌘" : "Ctrl" };

function shown(keys) {
  return [keys].flat().map((one) => h("span", { class: "key-set" }, one.split("+").map((part) => h("kbd", {}, NAMES[part] ?? part))));
}

/** The tabs of a project's places; `current` is the one that is shown. */
export function projectTabs(id, current) {
  return h(
    "nav",
    { class: "tabs", "aria-label": t("nav.project") },
    PROJECT_PLACES.map(([name, picture]) =>
      h("a", { class: "tab", href: href(name, { project: id }), "aria-current": current === name ? "page" : null, key: name }, icon(picture), h("span", {}, t(`nav.${name}`))),
    ),
  );
}

App.define("s2v-app");
export const studioVersion = config.version;
