// What plain HTML cannot do: light and dark by hand, copying, confirming,
// and the open tab in view. Everything else works without.
(function () {
  "use strict";
  var root = document.documentElement;
  var kept = null;
  try { kept = localStorage.getItem("theme"); } catch (e) { /* storage may be forbidden */ }
  if (kept === "light" || kept === "dark") root.dataset.theme = kept;
  root.classList.add("js");

  function toggleTheme() {
    var dark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.theme); } catch (e) { /* not kept */ }
  }

  function copy(button) {
    var source = document.getElementById(button.dataset.copy);
    navigator.clipboard.writeText(source.textContent.trim()).then(
      function () { say(button, "Copied"); },
      function () { getSelection().selectAllChildren(source); say(button, "Press Ctrl+C"); }
    );
  }

  function say(button, text) {
    var before = button.dataset.label || button.textContent;
    button.dataset.label = before;
    button.textContent = text;
    setTimeout(function () { button.textContent = before; }, 2000);
  }

  function unhide() {
    document.querySelectorAll("[data-theme-toggle], [data-copy]").forEach(function (e) { e.hidden = false; });
  }

  document.addEventListener("click", function (event) {
    var button = event.target.closest("button");
    if (!button) return;
    if ("themeToggle" in button.dataset) toggleTheme();
    else if (button.dataset.copy) copy(button);
  });
  document.addEventListener("submit", function (event) {
    var question = event.target.dataset.confirm;
    if (question && !confirm(question)) event.preventDefault();
  });
  // On a narrow screen the open tab may lie outside of its row.
  function showOpenTab() {
    document.querySelectorAll(".tabs > [aria-current]").forEach(function (tab) {
      var row = tab.parentNode;
      row.scrollLeft = tab.offsetLeft - row.offsetLeft - (row.clientWidth - tab.offsetWidth) / 2;
    });
  }

  document.addEventListener("DOMContentLoaded", unhide);
  document.addEventListener("DOMContentLoaded", showOpenTab);
  document.addEventListener("htmx:afterSwap", unhide);
})();
