"use strict";
// Runs before the body is drawn, so that a stored choice does not flash.
(function () {
  const root = document.documentElement;
  const key = "facebench-theme";

  function stored() {
    try {
      return localStorage.getItem(key);
    } catch {
      return null; // A file opened from disk may have no storage.
    }
  }

  function isDark() {
    const chosen = root.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  }

  function say(button) {
    button.textContent = isDark() ? "Light colours" : "Dark colours";
  }

  const before = stored();
  if (before === "light" || before === "dark") root.dataset.theme = before;

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    button.hidden = false;
    say(button);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => say(button));
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      try {
        localStorage.setItem(key, root.dataset.theme);
      } catch {
        // The choice then lasts as long as the page.
      }
      say(button);
    });
  });
})();
