// Keys of the designer. j k or the arrows choose a row; n new, b branch, d duplicate, Delete, Enter edit,
// Alt with arrows move, Esc leave, Ctrl+Z undo. They sleep inside inputs, while Japanese is being composed,
// and where single keys are switched off. After each change the hands stay where they were.
(function () {
  "use strict";
  var last = "";
  document.documentElement.classList.add("has-script");
  function rows() { return Array.from(document.querySelectorAll("#designer [data-row]")); }
  function press(root, key) {
    var button = root && root.querySelector('[data-key="' + key + '"]');
    if (button) button.click();
    return !!button;
  }
  function current() {
    var row = document.activeElement && document.activeElement.closest("#designer [data-row]");
    return row || rows().find(function (one) { return one.dataset.row === last; });
  }
  function choose(step) {
    var all = rows();
    if (!all.length) return;
    var at = all.indexOf(current());
    var next = all[Math.max(0, Math.min(all.length - 1, at < 0 ? 0 : at + step))];
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  }
  function settle() {
    var wanted = document.querySelector("#designer [autofocus]");
    if (!wanted) return;
    wanted.focus({ preventScroll: true });
    (wanted.closest("[data-row]") || wanted).scrollIntoView({ block: "nearest" });
  }
  document.addEventListener("focusin", function (event) {
    var row = event.target.closest("#designer [data-row]");
    if (row) last = row.dataset.row;
  });
  // An answer that refuses is a page too: the row with what is wrong in it.
  document.addEventListener("htmx:beforeSwap", function (event) {
    var status = event.detail.xhr.status;
    if (status === 422 || status === 409) { event.detail.shouldSwap = true; event.detail.isError = false; }
  });
  document.addEventListener("htmx:afterSettle", function (event) {
    if (event.detail.elt.id === "designer") settle();
  });
  document.addEventListener("DOMContentLoaded", settle);
  document.addEventListener("toggle", function (event) {
    if (!event.target.matches || !event.target.matches(".d-more[open]")) return;
    document.querySelectorAll(".d-more[open]").forEach(function (one) { if (one !== event.target) one.open = false; });
  }, true);
  // A click on a row opens it; what stands in it to be pressed, and text being marked, keep their own meaning.
  document.addEventListener("click", function (event) {
    var row = event.target.closest("#designer [data-row]");
    if (!row || row.classList.contains("is-editing") || String(window.getSelection())) return;
    if (event.target.closest("a, button, summary, details, form, input, select, label")) return;
    press(row, "edit");
  });
  document.addEventListener("click", function (event) {
    document.querySelectorAll(".d-more[open]").forEach(function (one) { if (!one.contains(event.target)) one.open = false; });
  });

  document.addEventListener("keydown", function (event) {
    if (event.isComposing || event.keyCode === 229) return;
    var typing = event.target.closest("input, textarea, select, [contenteditable]");
    var open = document.querySelector(".d-more[open]");
    if (event.key === "Escape") {
      if (open) { open.open = false; open.querySelector("summary").focus(); } else press(document, "leave");
      return;
    }
    // Enter in a list of choices means the same as in a field beside it.
    if (event.key === "Enter" && event.target.matches("form[data-row-form] select")) {
      event.preventDefault();
      press(event.target.form, "save");
      return;
    }
    if (typing) return;
    if ((event.ctrlKey || event.metaKey) && event.key === "z" && !event.shiftKey) {
      if (press(document, "undo")) event.preventDefault();
      return;
    }
    if (event.ctrlKey || event.metaKey) return;
    var row = current(), done = true;
    if (event.altKey && event.key === "ArrowUp") done = press(row, "up");
    else if (event.altKey && event.key === "ArrowDown") done = press(row, "down");
    else if (event.altKey || document.body.dataset.keys === "off") return;
    else if (event.target.closest("button, a, summary") && (event.key === "Enter" || event.key === " ")) return;
    else if (event.key === "n") done = press(row, "new") || press(document, "new");
    else if (event.key === "b") done = press(row, "branch") || press(document, "branch");
    else if (event.key === "j" || event.key === "ArrowDown") choose(1);
    else if (event.key === "k" || event.key === "ArrowUp") choose(-1);
    else if (event.key === "d") done = press(row, "duplicate");
    else if (event.key === "Delete") done = press(row, "delete");
    else if (event.key === "Enter") done = press(row, "edit");
    else done = false;
    if (done) event.preventDefault();
  });
})();
