/* Ikusei forms: <script src="https://YOUR-IKUSEI/form.js" data-form="KEY" data-lang="ja" defer></script>
   puts the form where the tag stands, in a frame that grows with it. No cookie, no other request. */
(function () {
  "use strict";
  var me = document.currentScript, key = me && me.getAttribute("data-form");
  if (!key) return;
  var frame = document.createElement("iframe");
  var url = new URL("/form/" + encodeURIComponent(key), me.src);
  var lang = me.getAttribute("data-lang"), title = me.getAttribute("data-title");
  function visitor() { return (window.ikusei && window.ikusei.visitor) || ""; }
  url.searchParams.set("embed", "1");
  if (lang) url.searchParams.set("lang", lang);
  if (visitor()) url.searchParams.set("v", visitor());
  frame.src = url.href;
  frame.title = title || (lang === "en" ? "Form" : "フォーム");
  frame.style.cssText = "width:100%;border:0;min-height:420px;display:block";
  window.addEventListener("message", function (event) {
    if (event.source !== frame.contentWindow || event.origin !== url.origin) return;
    var said = event.data;
    if (said && said.ikusei === "form" && said.height > 0) frame.style.height = Math.min(said.height, 20000) + "px";
  });
  function pass() {
    if (frame.contentWindow) frame.contentWindow.postMessage({ ikusei: "visitor", visitor: visitor() }, url.origin);
  }
  // Known later, or refused meanwhile.
  document.addEventListener("ikusei:visitor", pass);
  frame.addEventListener("load", pass);
  me.parentNode.insertBefore(frame, me.nextSibling);
})();
