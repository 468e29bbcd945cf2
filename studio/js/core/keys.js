// Keyboard shortcuts. What can be pressed where one is, `?` shows; single keys can be switched off there, for who speaks to the machine.

const scopes = new Set();
let enabled = read();

function read() {
  try {
    return localStorage.getItem("s2v.keys") !== "off";
  } catch {
    return true;
  }
}

export const areKeysOn = () => enabled;

export function switchKeys(on) {
  enabled = on;
  try {
    localStorage.setItem("s2v.keys", on ? "on" : "off");
  } catch { /* for this visit only */ }
}

/** shortcuts("storyboard", [{keys: "ArrowLeft", label: () => t("..."), run}]); returns what ends them. `keys`: "n", "Shift+N", "Mod+Enter". */
export function shortcuts(title, list) {
  const scope = { title, list };
  scopes.add(scope);
  return () => scopes.delete(scope);
}

export const allShortcuts = () => [...scopes];

function name(event) {
  const parts = [];
  if (event.ctrlKey || event.metaKey) parts.push("Mod");
  if (event.altKey) parts.push("Alt");
  if (event.shiftKey && (event.key.length > 1 || /[a-z]/i.test(event.key))) parts.push("Shift");
  parts.push(event.key.length === 1 ? event.key.toLowerCase() : event.key);
  return parts.join("+");
}

const normal = (keys) => keys.split("+").map((part) => (part.length === 1 ? part.toLowerCase() : part)).join("+");

function isTyping(target) {
  return target.closest?.("input:not([type=checkbox], [type=radio], [type=range], [type=button]), textarea, select, [contenteditable]");
}

const takesArrows = (target) => target.closest?.("[role=menu], [role=tablist], [role=radiogroup], input[type=range], input[type=radio], video, audio");

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing) return;
  const pressed = name(event);
  const simple = !pressed.startsWith("Mod+") && !pressed.startsWith("Alt+");
  if (simple && isTyping(event.target)) return;
  if (/^(Shift\+)?(Arrow|Home|End|Page)/.test(pressed) && takesArrows(event.target)) return;
  if (simple && !enabled && event.key.length === 1 && event.key !== "?") return;
  if (document.querySelector("dialog[open]") && !event.target.closest?.("dialog")) return;
  if (event.target.closest?.("dialog") && simple) return;
  for (const scope of [...scopes].reverse()) {
    for (const one of scope.list) {
      if (![one.keys].flat().some((keys) => normal(keys) === pressed)) continue;
      if (one.run(event) !== false) {
        event.preventDefault();
        return;
      }
    }
  }
});
