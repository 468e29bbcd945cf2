// Login: by name and password, or by an API key. It stands in the place of the page that was asked for, which follows.

import "../i18n/login.js";
import { BASE } from "../core/config.js";
import { h } from "../core/dom.js";
import { t } from "../core/i18n.js";
import { go, href } from "../core/router.js";
import { logIn, useKey } from "../core/session.js";
import { store } from "../core/store.js";
import { View } from "../core/view.js";
import { button, field, pageHead } from "../components/basic.js";
import { icon } from "../components/icon.js";
import { rememberUser } from "../state/kept.js";

export const styles = ["pages/login.css"];

class Login extends View {
  static properties = ["route"];

  start() {
    this.local = { busy: false, error: "", withKey: false };
  }

  template() {
    const { busy, error, withKey } = this.local;
    return h(
      "div",
      { class: "page login" },
      h(
        "form",
        { class: "card padded stack", onsubmit: (event) => this.send(event) },
        h("img", { src: `${BASE}/img/icon.svg`, alt: "", width: "56", height: "56" }),
        pageHead(t("login.title"), { lead: t("login.lead") }),
        withKey ? this.key() : this.password(),
        error && h("p", { class: "error", role: "alert" }, icon("warn"), error),
        button(t(withKey ? "login.key.go" : "login.go"), { kind: "primary", class: "large", type: "submit", busy, onclick: () => {} }),
        button(withKey ? t("login.password") : t("login.key"), { kind: "ghost", icon: "key", onclick: () => this.set({ withKey: !withKey, error: "" }) }),
        h("p", { class: "hint" }, t("login.hint")),
      ),
    );
  }

  password() {
    return [
      field(t("login.name"), { id: "username" }, (attributes) => h("input", { ...attributes, name: "username", type: "text", required: true, autocomplete: "username", autocapitalize: "none", autofocus: true })),
      field(t("login.password"), { id: "password" }, (attributes) => h("input", { ...attributes, name: "password", type: "password", required: true, autocomplete: "current-password" })),
    ];
  }

  key() {
    return field(t("login.key.label"), { id: "key" }, (attributes) => h("input", { ...attributes, name: "key", type: "password", required: true, autocomplete: "off", autofocus: true }));
  }

  async send(event) {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(event.target));
    this.set({ busy: true, error: "" });
    try {
      if (this.local.withKey) await useKey(given.key.trim());
      else await logIn(given.username, given.password);
      rememberUser();
      if (store.state.route.name === "login") go(href("assets"), { replace: true });
    } catch (error) {
      this.set({ error: error.message === "401" ? t("login.key.wrong") : error.message });
      this.querySelector("input")?.focus();
    } finally {
      this.set({ busy: false });
    }
  }
}

Login.define("s2v-login");
