/* Loaded before the first paint: without it a dark page would flash white. */
(function () {
  "use strict";
  var root = document.documentElement;
  var scheme = null;
  try {
    scheme = localStorage.getItem("scheme");
  } catch (denied) {
    /* Storage may be denied: the device's own preference is then followed. */
  }
  var dark = scheme === "dark" || (scheme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  root.setAttribute("data-fr-theme", dark ? "dark" : "light");
  root.style.colorScheme = dark ? "dark" : "";
  root.classList.add("cerbere-js");
})();
