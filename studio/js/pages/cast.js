// Cast: who appears in the story, what they look like, and with which voice they speak.

import "../i18n/cast.js";
import { can } from "../core/config.js";
import { h } from "../core/dom.js";
import { hue } from "../core/format.js";
import { t } from "../core/i18n.js";
import { href } from "../core/router.js";
import { store } from "../core/store.js";
import { View } from "../core/view.js";
import { button, empty, field, pageHead, problem, select, skeleton } from "../components/basic.js";
import { confirm, openDialog } from "../components/dialog.js";
import { icon } from "../components/icon.js";
import { menu } from "../components/menu.js";
import { projectTabs } from "../components/shell.js";
import { notify, notifyError } from "../components/toasts.js";
import { deleteMember, loadCast, repaint, saveMember, setReference } from "../state/cast.js";
import { loadVoices } from "../state/library.js";
import { watch } from "../state/live.js";

export const styles = ["pages/cast.css"];

const PICTURES = "image/png,image/jpeg,image/webp";

class Cast extends View {
  static properties = ["route"];

  start() {
    this.projectId = store.state.route.params.project;
    this.canEdit = can("repaint");
    this.local = { error: null };
    this.until(watch(this.projectId));
    this.load();
    if (this.canEdit) loadVoices();
  }

  load() {
    this.set({ error: null });
    loadCast(this.projectId).catch((error) => this.set({ error }));
  }

  template() {
    const project = store.state.project[this.projectId];
    return h(
      "div",
      { class: "page" },
      pageHead(t("nav.cast"), {
        above: h("a", { class: "above", href: href("storyboard", { project: this.projectId }), dir: "auto" }, icon("left"), project?.detail?.title || t("nav.storyboard")),
        lead: t("cast.lead"),
        actions: this.canEdit ? [button(t("cast.add"), { kind: "primary", icon: "plus", onclick: () => this.edit({ name: "", look: "", voice: "" }) })] : [],
      }),
      projectTabs(this.projectId, "cast"),
      this.members(project),
    );
  }

  members(project) {
    if (this.local.error && !project?.cast) return problem(this.local.error, { again: () => this.load() });
    if (!project?.cast) return skeleton(4);
    if (!project.cast.length) return empty(t("cast.empty.title"), t("cast.empty.text"));
    return [
      h("ul", { class: "members" }, project.cast.map((member) => this.member(project, member))),
      !this.canEdit && h("p", { class: "hint" }, t("cast.readonly")),
    ];
  }

  member(project, member) {
    const shots = project.shots.filter((shot) => shot.cast?.includes(member.id));
    return h(
      "li",
      { class: "card member", key: member.id },
      h(
        "span",
        { class: "portrait", style: { "--hue": String(hue(member.name)) } },
        member.reference ? h("img", { src: member.reference, alt: t("cast.reference.of", { name: member.name }), loading: "lazy" }) : h("span", { "aria-hidden": "true" }, [...member.name][0] ?? "?"),
      ),
      h(
        "div",
        { class: "grow stack tight" },
        h("h2", { dir: "auto" }, member.name),
        h("p", { dir: "auto", class: "look" }, member.look),
        member.voice && h("p", { class: "small muted row" }, icon("voice"), this.voiceName(member.voice)),
        shots.length > 0 && h("p", { class: "small muted" }, t("cast.shots", { list: shots.map((shot) => t("cast.shot", { n: shot.order })).join("、") })),
        this.canEdit && h("div", { class: "row" }, button(t("cast.repaint"), { class: "small", icon: "wand", onclick: () => this.repaint(member) })),
      ),
      this.canEdit &&
        menu({
          label: t("cast.edit", { name: member.name }),
          items: [
            { label: t("cast.edit", { name: member.name }), icon: "edit", run: () => this.edit(member) },
            { label: t("cast.reference.set"), icon: "image", run: () => this.reference(member) },
            "-",
            { label: t("action.delete"), icon: "trash", danger: true, run: () => this.askAndDelete(member) },
          ],
        }),
    );
  }

  voiceName(id) {
    return store.state.voices.items.find((one) => one.id === id)?.name ?? id;
  }

  async edit(member) {
    const given = { ...member };
    const voices = () => [["", t("cast.voice.narrator")], ...store.state.voices.items.map((one) => [one.id, one.name])];
    const save = async () => {
      try {
        await saveMember(this.projectId, given);
        notify(t("saved"));
        return true;
      } catch (error) {
        notifyError(error);
        return false;
      }
    };
    await openDialog({
      title: member.id ? t("cast.edit", { name: member.name }) : t("cast.add"),
      body: ({ redraw }) => [
        field(t("cast.name"), { id: "member-name" }, (attributes) => h("input", { ...attributes, type: "text", maxlength: 100, dir: "auto", value: given.name, oninput: (event) => (given.name = event.target.value) })),
        field(t("cast.look"), { id: "member-look", hint: t("cast.look.hint") }, (attributes) => h("textarea", { ...attributes, rows: 4, maxlength: 1000, dir: "auto", value: given.look, oninput: (event) => (given.look = event.target.value) })),
        field(t("cast.voice"), { id: "member-voice" }, (attributes) => select(attributes, voices(), given.voice ?? "", (value) => { given.voice = value; redraw(); })),
      ],
      actions: [{ text: t("action.cancel"), kind: "ghost" }, { text: t("action.save"), kind: "primary", run: save }],
    });
  }

  reference(member) {
    const input = document.createElement("input");
    input.type = "file";
    input.accept = PICTURES;
    input.onchange = () => input.files[0] && this.act(() => setReference(this.projectId, member.id, input.files[0]), () => t("saved"));
    input.click();
  }

  async repaint(member) {
    if (!(await confirm({ title: t("cast.repaint"), text: t("cast.repaint.text", { name: member.name }), action: t("cast.repaint"), danger: false }))) return;
    this.act(() => repaint(this.projectId, member.id), (n) => t("cast.repainted", { n }));
  }

  async askAndDelete(member) {
    if (!(await confirm({ title: t("cast.delete.title", { name: member.name }), text: t("cast.delete.text"), action: t("action.delete") }))) return;
    await this.act(() => deleteMember(this.projectId, member.id), () => t("cast.deleted", { name: member.name }));
    document.querySelector("#page-title")?.focus();
  }

  async act(run, said) {
    try {
      notify(said(await run()));
    } catch (error) {
      notifyError(error);
    }
  }
}

Cast.define("s2v-cast");
