// Before the first paint: the theme and the language that were chosen here, so that nothing flickers.
(function () {
  try {
    const theme = localStorage.getItem("s2v.theme");
    if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
    const language = localStorage.getItem("s2v.language");
    if (language === "en") document.documentElement.lang = "en";
  } catch { /* storage may be forbidden: the defaults stand */ }
})();
