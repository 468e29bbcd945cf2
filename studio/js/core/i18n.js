// Words in two languages. A page brings its own by `extend`; Chinese is the first language.

import { store } from "./store.js";

export const words = { zh: {}, en: {} };
const TAGS = { zh: "zh-CN", en: "en" };

/** extend({zh: {"assets.title": "资产库"}, en: {...}}); {name} in a text is filled in, and `text|many` has a plural. */
export function extend(more) {
  Object.assign(words.zh, more.zh);
  Object.assign(words.en, more.en);
}

let language = chosen();
document.documentElement.lang = TAGS[language];

function chosen() {
  const kept = read();
  if (kept === "zh" || kept === "en") return kept;
  const wanted = navigator.languages ?? [navigator.language];
  return !wanted.some((tag) => /^zh/i.test(tag)) && wanted.some((tag) => /^en/i.test(tag)) ? "en" : "zh";
}

function read() {
  try {
    return localStorage.getItem("s2v.language");
  } catch {
    return null;
  }
}

export const languageTag = () => TAGS[language];
export const currentLanguage = () => language;

export function setLanguage(next) {
  language = next;
  document.documentElement.lang = TAGS[next];
  try {
    localStorage.setItem("s2v.language", next);
  } catch { /* for this visit only */ }
  store.update({ language: next });
}

/** The text of `key` in the language that is chosen. `n` chooses between the two forms of an English text. */
export function t(key, values = {}) {
  let text = words[language][key] ?? words.zh[key] ?? key;
  if (text.includes("|")) text = text.split("|")[values.n === 1 ? 0 : 1];
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

export const has = (key) => key in words[language];
