/* The call desk by keyboard: 1-0 R L D the results, M note, T date, C dial, Enter save, S skip, U undo, ? all keys.
   Keys sleep inside fields and during Japanese conversion, and can be switched off in one's own settings.
   The page tells every 30 s that it is open, and gives the call back when it is left. */
(function () {
  "use strict";
  var undo = document.querySelector("form[data-undo]");
  if (undo) {
    var shown = undo.querySelector("[data-left-shown]");
    var ends = Date.now() + 1000 * Number(undo.dataset.left);
    var timer = setInterval(function () {
      var left = Math.ceil((ends - Date.now()) / 1000);
      if (left > 0) { shown.textContent = left; return; }
      clearInterval(timer);
      undo.remove();
      undo = null;
    }, 500);
  }

  var hold = document.querySelector("[data-hold]");
  function said() {
    var body = new FormData();
    body.append("token", hold.dataset.token);
    body.append("csrf_token", document.querySelector("meta[name=csrf-token]").content);
    return body;
  }
  function beat() {
    fetch(hold.dataset.hold, { method: "POST", body: said() }).then(function (answer) {
      if (answer.status !== 409) return;
      clearInterval(beats);
      hold.classList.add("lost");
      hold.querySelector("span").textContent = hold.dataset.lost;
    }).catch(function () { /* without a network the lease runs on, and the next beat asks again */ });
  }
  var beats = hold && setInterval(beat, 30000);
  if (hold) {
    beat();
    addEventListener("pagehide", function () { navigator.sendBeacon(hold.dataset.leave, said()); });
    addEventListener("pageshow", function (event) { if (event.persisted) location.reload(); });
  }

  var form = document.getElementById("result");
  function composing(event) { return event.isComposing || event.keyCode === 229; }
  function typing(target) {
    return target.closest("textarea, select, [contenteditable], input:not([type=radio])") !== null;
  }
  function sleeps(event) {
    return composing(event) || event.ctrlKey || event.metaKey || event.altKey || typing(event.target) ||
      document.body.dataset.keys === "off" || document.querySelector("dialog[open]") !== null;
  }
  document.addEventListener("keydown", function (event) {
    if (event.key.toLowerCase() !== "u" || sleeps(event) || !undo) return;
    event.preventDefault();
    undo.requestSubmit();
  });
  if (!form) return;
  var note = form.querySelector("#note"), on = form.querySelector("#on"), list = document.getElementById("desk-keys");

  // Enter in the note is a new line; Ctrl+Enter saves. Enter in a date saves only when nothing is converted.
  form.addEventListener("keydown", function (event) {
    if (event.key !== "Enter") return;
    if (composing(event)) { event.preventDefault(); return; }
    if (event.target === note && (event.ctrlKey || event.metaKey)) { event.preventDefault(); form.requestSubmit(); }
  });
  document.querySelector("[data-keys-list]").addEventListener("click", function () { list.showModal(); });

  // Before the keys of every page: here "?" tells those of the desk.
  document.addEventListener("keydown", function (event) {
    if (event.key === "Escape" && !composing(event) && typing(event.target)) { event.target.blur(); return; }
    if (sleeps(event)) return;
    var key = event.key.toLowerCase();
    if (key === "?") { event.preventDefault(); event.stopImmediatePropagation(); list.showModal(); return; }
    var result = form.querySelector('input[data-key="' + (/^[0-9rld]$/.test(key) ? key : "") + '"]');
    if (result) {
      event.preventDefault();
      result.checked = true;
      result.focus();
      if (["callback", "appointment"].indexOf(result.value) !== -1 && !on.value) on.focus();
      return;
    }
    var dial = document.querySelector("[data-dial]");
    var skip = document.querySelector("[data-skip]");
    if (key === "m") { event.preventDefault(); note.focus(); }
    else if (key === "t") { event.preventDefault(); on.focus(); }
    else if (key === "c" && dial) { event.preventDefault(); dial.click(); }
    else if (key === "s" && skip) { event.preventDefault(); skip.click(); }
    else if (key === "enter" && !event.target.closest("a, button, summary")) {
      event.preventDefault();
      form.requestSubmit();
    }
  }, true);
})();
