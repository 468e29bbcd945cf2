// What is typed about a shot is saved a moment later. Until it is, it stays in this browser, so that neither a reload nor a server that
// is away loses a letter; what somebody else changed meanwhile is shown beside it instead of written over.

import { ApiError } from "../core/api.js";
import { draft, keepDraft } from "../core/drafts.js";
import { applyShot } from "./project.js";
import { readShot, saveShot } from "./shots.js";

const TYPED_MS = 900;
const AGAIN_MS = 5000;
const CONFLICT = 412;

export class Autosave {
  /** `changed` is called whenever `state` did; `conflict(fields, theirs)` resolves to the fields that are to be written after all. */
  constructor(project, id, { changed, conflict }) {
    this.project = project;
    this.id = id;
    this.changed = changed;
    this.conflict = conflict;
    this.state = "saved"; // saved, typed, saving, failed
    this.error = null;
    const kept = draft(this.name);
    this.fields = kept?.fields ?? {};
    this.before = kept?.before ?? {};
    this.isRestored = Object.keys(this.fields).length > 0;
    if (this.isRestored) this.state = "typed";
  }

  get name() {
    return `shot.${this.project}.${this.id}`;
  }

  /** What a field shows: what is typed, else what is stored. */
  value(shot, field) {
    return this.fields[field] ?? shot[field] ?? "";
  }

  type(shot, field, value) {
    if (!(field in this.before)) this.before[field] = shot[field] ?? "";
    this.fields = { ...this.fields, [field]: value };
    keepDraft(this.name, { fields: this.fields, before: this.before });
    this.set("typed");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), TYPED_MS);
  }

  discard() {
    clearTimeout(this.timer);
    this.forget();
    this.set("saved");
  }

  /** Save now what is typed; returns whether nothing is left. */
  async save() {
    clearTimeout(this.timer);
    if (this.saving) await this.saving;
    if (!Object.keys(this.fields).length) return true;
    this.saving = this.write().finally(() => (this.saving = null));
    return this.saving;
  }

  async write() {
    const sent = this.fields;
    this.set("saving");
    try {
      await saveShot(this.project, this.id, sent);
    } catch (error) {
      if (error instanceof ApiError && error.status === CONFLICT) return this.resolve(error, sent);
      this.error = error;
      this.set("failed");
      if (error.status === 0 || error.status >= 500) this.timer = setTimeout(() => this.save(), AGAIN_MS);
      return false;
    }
    this.forget(sent);
    this.set(Object.keys(this.fields).length ? "typed" : "saved");
    return true;
  }

  /** Somebody was faster. Where he changed other fields than these there is nothing to choose. */
  async resolve(error, sent) {
    const theirs = error.body?.shot ?? (await readShot(this.project, this.id));
    await readShot(this.project, this.id); // what may be written over from here on
    applyShot(this.project, theirs);
    const both = Object.keys(sent).filter((field) => theirs[field] !== this.before[field] && theirs[field] !== sent[field]);
    const wanted = both.length ? await this.conflict(both.map((field) => ({ field, mine: sent[field], theirs: theirs[field] ?? "" }))) : [];
    if (wanted === null) {
      this.set("typed");
      return false;
    }
    const dropped = both.filter((field) => !wanted.includes(field));
    for (const field of dropped) delete this.fields[field];
    for (const field of Object.keys(this.fields)) this.before[field] = theirs[field] ?? "";
    this.keep();
    if (!Object.keys(this.fields).length) return this.set("saved");
    return this.write();
  }

  forget(sent = this.fields) {
    const left = Object.entries(this.fields).filter(([field, value]) => sent[field] !== value);
    this.fields = Object.fromEntries(left);
    this.before = Object.fromEntries(Object.entries(this.before).filter(([field]) => field in this.fields));
    this.isRestored = false;
    this.keep();
  }

  keep() {
    keepDraft(this.name, Object.keys(this.fields).length ? { fields: this.fields, before: this.before } : null);
  }

  set(state) {
    this.state = state;
    if (state !== "failed") this.error = null;
    this.changed();
    return state === "saved";
  }
}
