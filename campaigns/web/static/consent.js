/* The line at the foot of a page that tells visitors of the measuring, or asks them. Its words come before it. */
(function (w, d) {
  "use strict";
  var api = w.ikusei, me = d.querySelector("script[data-banner]");
  if (!api || !me || api.refused() || d.getElementById("ikusei-told")) return;
  var asks = me.getAttribute("data-consent") === "ask";
  var said = w.ikuseiWords[(d.documentElement.lang || w.navigator.language).slice(0, 2) === "ja" ? "ja" : "en"];
  function kept(key, value) {
    try {
      if (value) w.localStorage.setItem(key, value);
      return w.localStorage.getItem(key);
    } catch (e) { return "1"; } // what cannot be remembered would be asked on every page
  }
  if (kept(asks ? "ik-may" : "ik-told")) return;
  function made(name, style, words) {
    var e = d.createElement(name);
    e.style.cssText = style;
    if (words) e.textContent = words;
    return e;
  }
  var box = made("div", "position:fixed;left:0;right:0;bottom:0;z-index:2147483000;box-sizing:border-box;max-height:70vh;" +
    "overflow:auto;padding:14px 20px calc(14px + env(safe-area-inset-bottom));background:#fff;color:#1c2a2b;" +
    "border-top:1px solid #84918b;font:15px/1.7 \"Noto Sans JP\",\"Hiragino Sans\",\"Yu Gothic UI\",Meiryo,sans-serif");
  box.id = "ikusei-told";
  box.lang = said.lang;
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", said.label);
  var row = made("div", "display:flex;flex-wrap:wrap;gap:10px 20px;align-items:center;max-width:1080px;margin:0 auto");
  var text = made("p", "flex:1 1 320px;margin:0;color:inherit", (asks ? said.asking : said.text) + " ");
  var more = made("a", "color:#0b6352;text-decoration:underline;white-space:nowrap", said.more);
  more.href = said.privacy;
  text.appendChild(more);
  function button(words, main, then) {
    var b = made("button", "min-height:44px;padding:0 20px;border-radius:6px;font:inherit;cursor:pointer;border:1px solid #0b6352;" +
      (main ? "background:#0b6352;color:#fff;font-weight:700" : "background:#fff;color:#0b6352"), words);
    b.type = "button";
    b.addEventListener("click", then);
    return b;
  }
  var keys = made("div", "display:flex;flex-wrap:wrap;gap:10px");
  function close() { box.remove(); }
  keys.appendChild(asks ? button(said.yes, true, function () { close(); api.consent(true); })
    : button(said.close, true, function () { close(); kept("ik-told", "1"); }));
  keys.appendChild(button(said.no, false, function () {
    api.consent(false);
    // The refusal is confirmed in the place where it was made, and read out.
    text.setAttribute("role", "status");
    text.textContent = said.done;
    var end = button(said.close, true, close);
    keys.replaceChildren(end);
    end.focus();
  }));
  row.appendChild(text);
  row.appendChild(keys);
  box.appendChild(row);
  d.body.insertBefore(box, d.body.firstChild);
})(window, document);
