// Keys of the designer. j k choose a row; n new, d duplicate, Enter edit, Alt with arrows move, Esc leave.
// They sleep inside inputs, while Japanese is being composed, and where single keys are switched off.
(function () {
  "use strict";
  var chosen = -1;
  function rows() { return Array.from(document.querySelectorAll("[data-row]")); }
  function press(root, key) {
    var button = root && root.querySelector('[data-key="' + key + '"]');
    if (button) button.click();
    return !!button;
  }
  function choose(index) {
    var all = rows();
    if (!all.length) return;
    chosen = Math.max(0, Math.min(all.length - 1, index));
    all[chosen].focus();
    all[chosen].scrollIntoView({ block: "nearest" });
  }
  document.addEventListener("keydown", function (event) {
    var off = document.body.dataset.keys === "off";
    if (event.isComposing || event.keyCode === 229 || event.ctrlKey || event.metaKey) return;
    if (event.key === "Escape") { press(document, "leave"); return; }
    if (event.target.closest("input, textarea, select, button, a, [contenteditable]") || off) return;
    var focused = rows().indexOf(document.activeElement);
    if (focused >= 0) chosen = focused;
    var row = rows()[chosen];
    var done = true;
    if (event.altKey && event.key === "ArrowUp") done = press(row, "up");
    else if (event.altKey && event.key === "ArrowDown") done = press(row, "down");
    else if (event.altKey) return;
    else if (event.key === "n") done = press(document, "new");
    else if (event.key === "j") choose(chosen + 1);
    else if (event.key === "k") choose(chosen - 1);
    else if (event.key === "d") done = press(row, "duplicate");
    else if (event.key === "Enter") done = press(row, "edit");
    else done = false;
    if (done) event.preventDefault();
  });
})();
