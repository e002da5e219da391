/* Ikusei page script: first party, no cookie, silent after a refusal. Comments and indents are not served. */
((w, d, n) => {
  const me = d.currentScript;
  if (!me || w.ikusei) return; // the snippet stands on the page twice
  const to = new URL("/b", me.src), L = "localStorage", S = "sessionStorage", now = Date.now, R = "[data-ikusei-refuse]";
  const ask = me.dataset.consent === "ask", never = n.doNotTrack === "1" || n.globalPrivacyControl;
  let token, page, path, seq, timer, touched, on, last = 0;

  // A browser may forbid its storage. value: undefined reads, "" forgets.
  const keep = (store, key, value) => {
    try {
      const kept = w[store];
      if (value) kept[key] = value;
      else if (value === "") delete kept[key];
      return kept[key] || "";
    } catch (e) { return ""; }
  };
  const name = () => Array.from(crypto.getRandomValues(new Uint32Array(3)), (x) => x.toString(36).padStart(7, 0)).join("");
  const may = (value) => keep(L, "ik-may", value);
  const refused = () => never || may() === "0";
  const seen = () => d.visibilityState === "visible";

  const send = (t) => n.sendBeacon(to, JSON.stringify({
    k: token, w: api.visitor, t, v: page, n: seq++, u: location.href.split("#")[0], i: d.title.slice(0, 200),
    s: seen(), l: Math.min(Math.round((now() - last) / 1e3), 99999)
  }));
  const view = () => {
    page = (keep(S, "ik") || keep(S, "ik", name()) || "0") + "." + name();
    path = location.pathname;
    seq = touched = 0;
    send("view");
    clearInterval(timer);
    // A beat is worth 15 s if the page is seen and the last input is at most 30 s old; others need not be sent.
    timer = setInterval(() => seq < 480 && seen() && now() - last <= 3e4 && send("beat"), 15e3);
  };
  const start = () => {
    if (refused()) {
      clearInterval(timer);
      on = 0;
      token = api.visitor = keep(L, "ik", "") + keep(L, "ik-me", "") + keep(S, "ik", "");
    } else if (!on && !d.prerendering && (!ask || may())) {
      if (token) keep(L, "ik", now() + " " + token);
      const [at, old] = keep(L, "ik").split(" ");
      if (now() - at < 2592e6) token = old; // 30 days
      api.visitor = keep(L, "ik-me") || keep(L, "ik-me", name());
      on = token || api.visitor;
      if (on) view();
    }
    // <button data-ikusei-refuse="words once refused">words before</button>
    d.querySelectorAll(R).forEach((e) => {
      e.was = e.was || e.textContent;
      e.textContent = refused() && e.dataset.ikuseiRefuse || e.was;
      e.ariaPressed = !!refused();
    });
    d.dispatchEvent(new Event("ikusei:visitor"));
  };
  const consent = (yes) => { may(yes ? "1" : "0"); start(); };
  const api = w.ikusei = { visitor: "", consent, refused };

  // The address bar stays clean, so that a copied address carries nobody's token.
  const query = location.search.replace(/([?&])ik=([\w-]+)(&|$)/, (_, a, k, b) => { token = k; return b && a; });
  if (token) history.replaceState(history.state, "", location.pathname + query + location.hash);

  "keydown pointerdown mousemove touchstart wheel scroll".split(" ").forEach((e) => w.addEventListener(e, (x) => {
    if (!x.isTrusted) return;
    last = now();
    // The first touch tells at once: whoever leaves within 15 s was a person too. Pages scroll by themselves.
    if (on && !touched && e !== "scroll") touched = send("touch");
  }, { passive: true, capture: true }));
  // A page of a router gets its title a moment after its address.
  const moved = () => setTimeout(() => on && location.pathname !== path && view(), 200);
  const push = history.pushState;
  history.pushState = function () { push.apply(this, arguments); moved(); };
  w.addEventListener("popstate", moved);
  w.addEventListener("pageshow", (e) => e.persisted && on && view());
  d.addEventListener("prerenderingchange", start);
  d.addEventListener("click", ({ target: at }) => {
    if (at.closest(R)) consent(may() === "0");
    // A form of ours learns which browser it is opened in.
    const link = at.closest("a[href]");
    if (on && link && link.href.startsWith(to.origin + "/form/")) {
      const url = new URL(link.href);
      url.searchParams.set("v", api.visitor);
      link.href = url;
    }
  });
  start();
  d.addEventListener("DOMContentLoaded", start);
  if (!never && "banner" in me.dataset) d.head.append(Object.assign(d.createElement("script"), { src: new URL("/consent.js", to) }));
})(window, document, navigator);
