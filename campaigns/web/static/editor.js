// The mail editor: buttons put a merge field or a form at the cursor, and the subject is counted.
// Without script everything works but these: fields are typed, the count is that of the last save.
(function () {
  "use strict";
  var last = document.getElementById("html");
  document.addEventListener("focusin", function (event) {
    if (event.target.matches && event.target.matches("#html, #text, #subject, #preheader")) last = event.target;
  });
  document.addEventListener("click", function (event) {
    var button = event.target.closest && event.target.closest("[data-insert]");
    if (!button || !last) return;
    var words = button.getAttribute("data-insert");
    // Forms belong into the HTML; fields go wherever the cursor is.
    var field = words.charAt(0) === "<" ? document.getElementById("html") : last;
    field.focus();
    field.setRangeText(words, field.selectionStart, field.selectionEnd, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.dispatchEvent(new Event("change", { bubbles: true }));
  });
  document.addEventListener("input", function (event) {
    var id = event.target.getAttribute && event.target.getAttribute("data-count");
    if (!id) return;
    var place = document.getElementById(id);
    place.textContent = place.getAttribute("data-words").replace("{n}", Array.from(event.target.value).length);
  });
})();
