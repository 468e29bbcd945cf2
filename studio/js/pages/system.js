// System: how the server is, for who runs it.

import "../i18n/system.js";
import { config } from "../core/config.js";
import { h } from "../core/dom.js";
import { ago, isTime, number, size, when } from "../core/format.js";
import { t } from "../core/i18n.js";
import { href } from "../core/router.js";
import { store } from "../core/store.js";
import { View } from "../core/view.js";
import { badge, button, pageHead, problem, progress, skeleton } from "../components/basic.js";
import { advice, copyReport, stageOf } from "../components/failure.js";
import { notify, notifyError } from "../components/toasts.js";
import { loadSystem, retryFailed } from "../state/system.js";

export const styles = ["pages/system.css"];

const LOOK_MS = 5000;
const STATES = { ok: "done", full: "failed", down: "failed" };

class System extends View {
  static properties = ["route"];

  start() {
    loadSystem();
    const timer = setInterval(() => !document.hidden && loadSystem(), LOOK_MS);
    this.until(() => clearInterval(timer));
  }

  template() {
    const { system } = store.state;
    return h("div", { class: "page" }, pageHead(t("nav.system"), { lead: `${t("system.lead")} ${t("system.version", { version: config.version })}` }), this.content(system));
  }

  content(system) {
    if (!system) return skeleton(6);
    if (system.error && !system.dependencies) return problem(system.error, { again: loadSystem });
    return h(
      "div",
      { class: "system" },
      this.services(system),
      system.tasks && this.tasks(system.tasks),
      system.stored && this.stored(system),
      system.failed && this.failed(system.failed),
      this.accounts(system),
    );
  }

  services({ dependencies, nodes }) {
    const rows = Object.entries(dependencies).map(([name, state]) => [t(name === "node" ? "system.node.one" : `system.${name}`), state]);
    const many = Object.entries(nodes).map(([place, state]) => [t("system.node", { n: place }), state]);
    return this.panel("system.services", h("ul", { class: "states" }, [...rows, ...many].map(([name, state]) => h("li", { key: name }, h("span", {}, name), badge(STATES[state], t(`system.${state}`))))));
  }

  tasks(tasks) {
    const names = ["processing", "pending", "blocked", "finished", "failed", "cancelled"];
    return this.panel("system.tasks", h("dl", { class: "figures" }, names.map((name) => h("div", { key: name, class: tasks[name] ? name : "" }, h("dt", {}, t(`system.task.${name}`)), h("dd", { class: "numbers" }, number(tasks[name] ?? 0))))));
  }

  stored({ stored, disk }) {
    const used = disk ? 100 - (100 * disk.free) / disk.total : null;
    return this.panel("system.stored", [
      disk && progress(used, t("system.free", { free: size(disk.free), total: size(disk.total) })),
      h("ul", { class: "states" }, stored.map(({ kind, files, bytes }) => h("li", { key: kind }, h("span", {}, t(`system.kind.${kind}`)), h("span", { class: "muted numbers" }, t("system.files", { n: files, size: size(bytes) }))))),
    ]);
  }

  failed(failed) {
    const rows = failed.map(({ task, project }) =>
      h(
        "li",
        { key: task.id, class: "failed-task" },
        h("div", { class: "row" }, h("strong", { dir: "auto", class: "grow" }, project.title || t("project.untitled")), badge("failed", stageOf(task)), h("span", { class: "muted small", title: when(task.finishedAt) }, ago(task.finishedAt))),
        h("blockquote", { dir: "auto", class: "small" }, task.error),
        h("p", { class: "small muted" }, t(`failure.${advice(task)}`)),
        h("div", { class: "row" }, button(t("action.retry"), { class: "small", icon: "retry", onclick: () => this.retry(task) }), button(t("failure.copy"), { class: "small", kind: "ghost", icon: "copy", onclick: () => copyReport(task) }), button(t("system.project"), { class: "small", kind: "ghost", icon: "board", href: href("storyboard", { project: project.id }) })),
      ),
    );
    return this.panel("system.failed", rows.length ? h("ul", { class: "failed-tasks" }, rows) : h("p", { class: "muted" }, t("system.failed.none")), "wide");
  }

  async retry(task) {
    try {
      await retryFailed(task);
      notify(t("state.waiting"));
    } catch (error) {
      notifyError(error);
    }
  }

  accounts({ users, keys }) {
    if (!config.login) return this.panel("system.accounts", h("p", { class: "muted" }, t("system.accounts.open")), "wide");
    if (!users) return null;
    const time = (text) => (isTime(text) ? ago(text) : t("system.never"));
    const people = users.map((user) => [user.name, t(`system.role.${user.role}`), badge(user.disabled ? "failed" : "done", t(user.disabled ? "system.disabled" : "system.active"))]);
    const cards = keys.map((key) => [`${key.owner}${key.name && ` · ${key.name}`}`, key.scope, time(key.lastUsedAt), badge(key.state === "active" ? "done" : "failed", t(`system.${key.state}`))]);
    return this.panel(
      "system.accounts",
      [
        table(t("system.accounts"), ["system.user", "system.role", "system.state"], people),
        keys.length > 0 && table(t("system.key"), ["system.key", "system.scope", "system.used", "system.state"], cards),
        h("p", { class: "hint" }, t("system.commands")),
      ],
      "wide",
    );
  }

  panel(title, content, more = "") {
    return h("section", { class: `card padded stack ${more}`, key: title }, h("h2", {}, t(title)), content);
  }
}

function table(caption, heads, rows) {
  return h(
    "div",
    { class: "table", tabindex: "0", role: "region", "aria-label": caption },
    h("table", {}, h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col", key: head }, t(head))))), h("tbody", {}, rows.map((cells, place) => h("tr", { key: place }, cells.map((cell, at) => h("td", { key: at, dir: "auto" }, cell)))))),
  );
}

System.define("s2v-system");
