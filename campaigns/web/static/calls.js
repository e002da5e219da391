/* The call desk by keyboard: 1-0 R L D the results, M note, T date, C dial, Enter save, S skip, U undo.
   Keys sleep inside fields and during Japanese conversion, and can be switched off in one's own settings. */
(function () {
  "use strict";
  var form = document.getElementById("result");
  if (!form) return;
  var note = form.querySelector("#note"), on = form.querySelector("#on");

  function composing(event) { return event.isComposing || event.keyCode === 229; }
  function typing(target) {
    return target.closest("textarea, select, [contenteditable], input:not([type=radio])") !== null;
  }

  // Enter in the note is a new line; Ctrl+Enter saves. Enter in a date saves only when nothing is converted.
  form.addEventListener("keydown", function (event) {
    if (event.key !== "Enter") return;
    if (composing(event)) { event.preventDefault(); return; }
    if (event.target === note && (event.ctrlKey || event.metaKey)) { event.preventDefault(); form.requestSubmit(); }
  });

  document.addEventListener("keydown", function (event) {
    if (composing(event) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && typing(event.target)) { event.target.blur(); return; }
    if (typing(event.target) || document.body.dataset.keys === "off") return;
    if (document.querySelector("dialog[open]")) return;
    var key = event.key.toLowerCase();
    var result = form.querySelector('input[data-key="' + (/^[0-9rld]$/.test(key) ? key : "") + '"]');
    if (result) {
      event.preventDefault();
      result.checked = true;
      result.focus();
      if (result.value === "callback" && !on.value) on.focus();
      return;
    }
    var dial = document.querySelector("[data-dial]");
    var skip = document.querySelector("[data-skip]");
    var undo = document.querySelector("form[data-undo]");
    if (key === "m") { event.preventDefault(); note.focus(); }
    else if (key === "t") { event.preventDefault(); on.focus(); }
    else if (key === "c" && dial) { event.preventDefault(); dial.click(); }
    else if (key === "s" && skip) { event.preventDefault(); skip.click(); }
    else if (key === "u" && undo) { event.preventDefault(); undo.requestSubmit(); }
    else if (key === "enter" && !event.target.closest("a, button, summary")) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
})();
