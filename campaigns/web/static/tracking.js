/* The diary by keyboard: w writes, Ctrl+Enter saves. A press outside closes what popped up. */
(function () {
  "use strict";
  var text = document.getElementById("diary-text");
  document.addEventListener("keydown", function (event) {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      var form = event.target.closest("form");
      if (form && form.method === "post") { event.preventDefault(); form.requestSubmit(); }
      return;
    }
    if (event.key === "Escape") close(null);
    if (event.target.closest("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.body.dataset.keys === "off") return;
    if (event.key === "w" && text) { event.preventDefault(); text.focus(); }
  });
  function close(inside) {
    document.querySelectorAll("details.pop[open]").forEach(function (one) {
      if (!inside || !one.contains(inside)) one.removeAttribute("open");
    });
  }
  document.addEventListener("click", function (event) {
    close(event.target);
    if (event.target.closest("[data-writes]") && text) { event.preventDefault(); text.focus(); }
  });
  document.body.addEventListener("htmx:afterSwap", function (event) {
    var field = event.detail.target.parentNode && document.querySelector(".cell.open :is(textarea, select, .form-control), .answer.open textarea");
    if (field) field.focus();
  });
})();
