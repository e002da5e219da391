/* Quicker with a script, whole without: search by "/", keys, posted forms with their token. */
(function () {
  "use strict";
  var body = document.body;
  var token = document.querySelector("meta[name=csrf-token]");
  body.addEventListener("htmx:configRequest", function (event) {
    if (token) event.detail.headers["X-CSRFToken"] = token.content;
  });

  // The first wrong field gets the focus, so that a keyboard is where the work is.
  var wrong = document.querySelector(".field.wrong input, .field.wrong select, .field.wrong textarea");
  if (wrong) wrong.focus();

  // A form that changes its own page: <select data-submits>.
  document.addEventListener("change", function (event) {
    if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
  });
  document.addEventListener("click", function (event) {
    var opened = document.querySelector("details.who[open]");
    if (opened && !opened.contains(event.target)) opened.removeAttribute("open");
    if (event.target.closest("[data-prints]")) window.print();
    if (event.target.closest("[data-closes]")) event.target.closest("dialog").close();
  });
  // One press is one press.
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (event.defaultPrevented || form.method !== "post" || form.hasAttribute("data-again")) return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    setTimeout(function () { delete form.dataset.sent; }, 4000);
  });

  function typing(target) {
    return target.closest("input, textarea, select, [contenteditable]") !== null;
  }
  function rows() { return Array.prototype.slice.call(document.querySelectorAll("[data-list] [data-row]")); }
  function move(step) {
    var all = rows();
    if (!all.length) return;
    var at = all.findIndex(function (row) { return row.classList.contains("chosen"); });
    var next = Math.max(0, Math.min(all.length - 1, at < 0 ? 0 : at + step));
    all.forEach(function (row) { row.classList.remove("chosen"); });
    all[next].classList.add("chosen");
    all[next].scrollIntoView({ block: "nearest" });
    var link = all[next].querySelector("a");
    if (link) link.focus();
  }
  var before = "";
  document.addEventListener("keydown", function (event) {
    // During Japanese conversion every key belongs to the input method, Enter above all.
    if (event.isComposing || event.keyCode === 229) {
      return;
    }
    if (event.key === "Escape" && location.hash === "#menu") location.hash = "";
    if (typing(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (body.dataset.keys === "off") return;
    var key = event.key, go = null;
    if (before === "g" && key === "h") go = body.dataset.home;
    else if (before === "g" && key === "t") go = body.dataset.today;
    else if (key === "c" && !document.querySelector("[data-own-keys]")) go = body.dataset.calls;
    before = key === "g" ? "g" : "";
    if (go) { location.href = go; return; }
    if (key === "/") {
      var find = document.querySelector(".find input");
      if (find && find.offsetParent) { event.preventDefault(); find.focus(); find.select(); }
    } else if (key === "?") {
      var keys = document.querySelector("dialog.keys");
      if (keys) keys.showModal();
    } else if (key === "j") move(1);
    else if (key === "k") move(-1);
    else if (key === "x") {
      var box = document.querySelector("[data-row].chosen input[type=checkbox]");
      if (box) box.click();
    }
  });
})();
