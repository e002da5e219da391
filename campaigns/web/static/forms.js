// The form editor: the page beside it follows what is typed. Without script, the buttons above it show it.
(function () {
  "use strict";
  var form = document.getElementById("form-design");
  var looks = form ? form.querySelectorAll("[data-look]") : [];
  var chosen = looks[0], timer;
  function show() {
    if (chosen && form.requestSubmit) form.requestSubmit(chosen);
  }
  if (!form) return;
  form.addEventListener("click", function (event) {
    var button = event.target.closest && event.target.closest("[data-look]");
    if (button) chosen = button;
  });
  function later(event) {
    if (event.isComposing) return;
    clearTimeout(timer);
    timer = setTimeout(show, 500);
  }
  form.addEventListener("input", later);
  form.addEventListener("change", later);
})();
