// Dark, light, or as the system has it.

import { store } from "./store.js";

const THEMES = ["auto", "dark", "light"];
const light = matchMedia("(prefers-color-scheme: light)");

export const currentTheme = () => document.documentElement.dataset.theme ?? "auto";
export const isLight = () => (currentTheme() === "auto" ? light.matches : currentTheme() === "light");

export function setTheme(theme) {
  if (!THEMES.includes(theme)) return;
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem("s2v.theme", theme);
  } catch { /* for this visit only */ }
  shown();
  store.update({ theme });
}

function shown() {
  document.querySelector('meta[name="theme-color"]').content = isLight() ? "#F5F5F7" : "#1E1E1E";
}

shown();
light.addEventListener("change", () => {
  shown();
  store.update({ theme: currentTheme() });
});
