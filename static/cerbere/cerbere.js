/* Comfort only: every page does its work without this file. */
(function () {
  "use strict";

  var CODE_LENGTH = 6;

  function keepDigits(event) {
    var digits = event.target.value.replace(/\D/g, "").slice(0, CODE_LENGTH);
    if (digits !== event.target.value) event.target.value = digits;
  }

  function markSent(form, sent) {
    form.cerbereSent = sent;
    form.querySelectorAll("button[type=submit]").forEach(function (button) {
      if (sent) button.setAttribute("aria-disabled", "true");
      else button.removeAttribute("aria-disabled");
    });
  }

  /* aria-disabled, not disabled: the button keeps the focus, and its name and value are still sent. */
  function sendOnce(event) {
    if (event.target.cerbereSent) event.preventDefault();
    else markSent(event.target, true);
  }

  /* The back button shows the page as it was left: it must be usable again. */
  function forgetSent() {
    document.querySelectorAll("form").forEach(function (form) {
      markSent(form, false);
    });
  }

  /* The design system ignores Escape while a radio button has the focus. */
  function closeOnEscape(event) {
    if (event.key !== "Escape" || event.target.type !== "radio") return;
    event.target.closest("dialog").querySelector(".fr-btn--close").click();
  }

  document.querySelectorAll("[data-cerbere-code]").forEach(function (field) {
    field.addEventListener("input", keepDigits);
  });
  document.querySelectorAll("dialog").forEach(function (dialog) {
    dialog.addEventListener("keydown", closeOnEscape);
  });
  document.addEventListener("submit", sendOnce);
  window.addEventListener("pageshow", forgetSent);
})();
