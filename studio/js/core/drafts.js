// What is half typed outlives a reload: a small store of texts in this browser.

const PREFIX = "s2v.draft.";

export function draft(name) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + name));
  } catch {
    return null;
  }
}

export function keepDraft(name, value) {
  try {
    if (value === null) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch { /* no room, or not allowed */ }
}
