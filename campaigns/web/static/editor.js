// The mail editor: buttons put a merge field or a form at the cursor, the subject is counted, loud words are
// underlined and replaced on request, a finding leads to its line.
// Without script everything works but these: fields are typed, the findings name line and word.
(function () {
  "use strict";
  var FIELDS = ["subject", "preheader", "html"];
  var last = document.getElementById("html");
  var marks = [];
  document.addEventListener("focusin", function (event) {
    if (event.target.matches && event.target.matches("#html, #text, #subject, #preheader")) last = event.target;
  });
  function changed(field) {
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.dispatchEvent(new Event("change", { bubbles: true }));
  }
  function insert(button) {
    var format = document.getElementById("format");
    var words = (format && format.value === "mjml" && button.getAttribute("data-mjml")) || button.getAttribute("data-insert");
    // Forms belong into the body; fields go wherever the cursor is.
    var field = words.charAt(0) === "<" ? document.getElementById("html") : last;
    field.focus();
    field.setRangeText(words, field.selectionStart, field.selectionEnd, "end");
    changed(field);
  }
  function soften(button) {
    var mark = marks[Number(button.getAttribute("data-softer"))];
    var field = mark && document.getElementById(mark.field);
    if (!field) return;
    var at = mark.start;
    // Typed since: the same word, wherever it stands now.
    if (field.value.slice(mark.start, mark.end).trim() !== mark.word) at = field.value.indexOf(mark.word);
    if (at < 0) return;
    field.focus();
    field.setRangeText(mark.softer, at, at + (at === mark.start ? mark.end - mark.start : mark.word.length), "select");
    changed(field);
  }
  function lead(button) {
    var field = document.getElementById(button.getAttribute("data-goto"));
    if (!field) return;
    var line = Number(button.getAttribute("data-line"));
    var lines = field.value.split("\n");
    var start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    field.focus();
    field.setSelectionRange(start, start + (lines[line - 1] || "").length);
    if (field.tagName === "TEXTAREA") field.scrollTop = field.scrollHeight * (line - 1) / lines.length - field.clientHeight / 3;
  }
  document.addEventListener("click", function (event) {
    var button = event.target.closest && event.target.closest("[data-insert], [data-softer], [data-goto]");
    if (!button || !last) return;
    if (button.hasAttribute("data-insert")) insert(button);
    else if (button.hasAttribute("data-softer")) soften(button);
    else lead(button);
  });
  document.addEventListener("input", function (event) {
    var id = event.target.getAttribute && event.target.getAttribute("data-count");
    if (!id) return;
    var place = document.getElementById(id);
    place.textContent = place.getAttribute("data-words").replace("{n}", Array.from(event.target.value).length);
  });
  // Which screen is looked at changes nothing in the mail: the preview is not made again.
  document.addEventListener("change", function (event) {
    if (event.target.name === "look") event.stopPropagation();
  }, true);

  // Behind each field stands the same text, unseen, whose loud words are underlined.
  function back(field) {
    var frame = field.parentNode;
    var found = frame.querySelector(".m-back");
    if (found) return found;
    found = document.createElement("div");
    found.className = "m-back" + (field.tagName === "INPUT" ? " is-line" : "");
    found.setAttribute("aria-hidden", "true");
    frame.insertBefore(found, field);
    field.addEventListener("scroll", function () { follow(field); });
    field.addEventListener("input", function () { found.textContent = ""; });
    return found;
  }
  function follow(field) {
    var found = back(field);
    found.scrollTop = field.scrollTop;
    found.scrollLeft = field.scrollLeft;
  }
  function dress(field) {
    var found = back(field), style = getComputedStyle(field), at = 0;
    ["font", "lineHeight", "letterSpacing", "paddingTop", "paddingBottom", "paddingLeft", "tabSize"].forEach(function (name) {
      found.style[name] = style[name];
    });
    // Its scroll bar takes room from the lines; this must take as much.
    found.style.paddingRight = parseFloat(style.paddingRight) + (field.offsetWidth - field.clientWidth - 2) + "px";
    found.textContent = "";
    marks.filter(function (mark) { return mark.field === field.id; }).forEach(function (mark) {
      if (field.value.slice(mark.start, mark.end).trim() !== mark.word) return;
      found.appendChild(document.createTextNode(field.value.slice(at, mark.start)));
      var under = document.createElement("mark");
      under.textContent = field.value.slice(mark.start, mark.end);
      found.appendChild(under);
      at = mark.end;
    });
    // A line at the end, as a text area keeps one.
    found.appendChild(document.createTextNode(field.value.slice(at) + "\n"));
    follow(field);
  }
  function underline() {
    var place = document.getElementById("marks");
    if (!place) return;
    try { marks = JSON.parse(place.getAttribute("data-marks")) || []; } catch (error) { marks = []; }
    FIELDS.forEach(function (id) { dress(document.getElementById(id)); });
  }
  underline();
  window.addEventListener("resize", underline);
  document.addEventListener("htmx:afterSwap", underline);
})();
