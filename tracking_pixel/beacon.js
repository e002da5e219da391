/* Ikusei page beacon. No cookie. Sends nothing under Do Not Track or Global Privacy Control. */
(function (w, d, n) {
  "use strict";
  var me = d.currentScript, q = location.search, m = /[?&]ik=([\w-]+)/.exec(q), k = m && m[1];
  var refused = n.doNotTrack === "1" || w.doNotTrack === "1" || n.globalPrivacyControl === true;
  if (m) { // the address bar stays clean, so that a copied address carries nobody's token
    q = q.replace(/([?&])ik=[\w-]*(&|$)/, function (_, a, b) { return b ? a : ""; });
    try { history.replaceState(history.state, "", location.pathname + q + location.hash); } catch (e) {}
  }
  function rnd() { return Math.random().toString(36).slice(2, 12) || "0"; }
  var s = rnd(), old;
  try {
    if (refused) { localStorage.removeItem("ik"); return; }
    if (k) localStorage.setItem("ik", Date.now() + " " + k);
    old = (localStorage.getItem("ik") || "").split(" ");
    if (!k && Date.now() - old[0] < 2592e6) k = old[1];
    s = sessionStorage.getItem("ik") || s;
    sessionStorage.setItem("ik", s);
  } catch (e) {}
  if (refused || !k || !me || !n.sendBeacon) return;
  var to = new URL("/b", me.src).href, page = s + "." + rnd(), seq = 0, last = -1e9, touched;
  function send(t) {
    n.sendBeacon(to, JSON.stringify({
      k: k, t: t, v: page, n: seq++, u: location.href.split("#")[0], i: d.title.slice(0, 200),
      s: d.visibilityState === "visible", l: Math.round(Math.min((Date.now() - last) / 1e3, 99999))
    }));
  }
  ["keydown", "pointerdown", "mousemove", "touchstart", "wheel", "scroll"].forEach(function (e) {
    w.addEventListener(e, function (x) {
      if (!x.isTrusted) return;
      last = Date.now();
      // The first touch tells at once: whoever leaves within 15 s was a person too. Pages scroll by themselves.
      if (!touched && e !== "scroll") { touched = 1; send("touch"); }
    }, { passive: true, capture: true });
  });
  send("view");
  setInterval(function () { if (seq < 480) send("beat"); }, 15e3);
})(window, document, navigator);
