// What every element of ours is: it draws itself from the store and its properties, once a frame at most.

import { patch } from "./dom.js";
import { store } from "./store.js";

export class View extends HTMLElement {
  /** Names of properties that a parent sets; setting one draws anew. */
  static properties = [];

  static define(name) {
    for (const property of this.properties) {
      const field = Symbol(property);
      Object.defineProperty(this.prototype, property, {
        get() {
          return this[field];
        },
        set(value) {
          if (this[field] === value) return;
          this[field] = value;
          this.refresh();
        },
      });
    }
    customElements.define(name, this);
  }

  connectedCallback() {
    if (this.isThere) return; // it was moved
    this.isThere = true;
    this.endings = [store.subscribe(() => this.refresh())];
    this.start();
    this.draw();
  }

  disconnectedCallback() {
    queueMicrotask(() => {
      if (this.isConnected) return;
      this.isThere = false;
      for (const end of this.endings ?? []) end();
      this.endings = [];
      this.stop();
    });
  }

  /** Called when it comes into the document, before it is drawn. */
  start() {}

  /** Called when it has left the document. */
  stop() {}

  /** What it shows: `h(...)`, or a list of them. */
  template() {
    return [];
  }

  /** Called after each drawing. */
  drawn() {}

  /** End `stop` with this, too. */
  until(end) {
    this.endings.push(end);
  }

  /** Its own state: not the store's business, such as what is half typed. */
  set(values) {
    this.local = { ...this.local, ...values };
    this.refresh();
  }

  refresh() {
    if (this.isDue || !this.isThere) return;
    this.isDue = true;
    nextFrame(() => {
      this.isDue = false;
      if (this.isConnected) this.draw();
    });
  }

  draw() {
    patch(this, this.template());
    this.drawn();
    this.dispatchEvent(new Event("drawn", { bubbles: true }));
  }
}

// In a page that nobody sees no frame comes.
function nextFrame(run) {
  if (document.hidden) setTimeout(run, 50);
  else requestAnimationFrame(run);
}
