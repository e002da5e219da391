// Inside a form: tells that somebody has begun, takes the visitor's id from the page around it, and says how high it is.
// Without script the form works the same; it is only not counted as begun, and the frame keeps its height.
(function () {
  "use strict";
  var form = document.querySelector("form[method=post]");
  var begun = false;
  // The form holds the visitor's id by now. An address that is copied to a colleague must not make them this visitor.
  var here = new URL(location.href);
  if (here.searchParams.has("v")) {
    here.searchParams.delete("v");
    history.replaceState(history.state, "", here);
  }
  function begin() {
    if (begun || !form || !navigator.sendBeacon || !form.elements.t) return;
    begun = true;
    navigator.sendBeacon(location.pathname + "/started");
  }
  if (form) form.addEventListener("input", begin);
  var wrong = document.querySelector("[aria-invalid]");
  if (wrong && window.parent === window) wrong.focus();
  if (window.parent === window) return;
  function tell() {
    window.parent.postMessage({ ikusei: "form", height: document.documentElement.scrollHeight }, "*");
  }
  window.addEventListener("message", function (event) {
    if (event.source !== window.parent || !event.data || event.data.ikusei !== "visitor") return;
    if (form && form.elements.v && typeof event.data.visitor === "string") form.elements.v.value = event.data.visitor;
  });
  if (window.ResizeObserver) new ResizeObserver(tell).observe(document.body);
  window.addEventListener("load", tell);
  tell();
})();
