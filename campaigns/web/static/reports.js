// The picture of a report. Its numbers stand in the table below as well: without this file nothing is lost.
(() => {
  document.documentElement.classList.add("r-js");
  document.querySelectorAll("[data-submits]").forEach((one) => one.addEventListener("change", () => one.form.requestSubmit()));
  document.querySelectorAll("[data-prints]").forEach((one) => { one.hidden = false; one.addEventListener("click", () => window.print()); });
  // A link to a folded table opens it.
  document.querySelectorAll("a[href^='#']").forEach((one) => one.addEventListener("click", () => document.querySelector(`${one.getAttribute("href")} > details`)?.setAttribute("open", "")));
  const source = document.getElementById("report-chart");
  const place = document.querySelector("[data-chart]");
  if (!source || !place || !window.echarts) return;
  const data = JSON.parse(source.textContent);
  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const stripe = { symbol: "rect", symbolSize: 1, dashArrayX: [1, 0], dashArrayY: [3, 3], rotation: -Math.PI / 4, color: "rgba(255,255,255,.55)" };
  const dots = { symbol: "circle", symbolSize: 0.6, dashArrayX: [[0, 5], [5, 5]], dashArrayY: [5, 0], color: "rgba(60,35,0,.7)" };
  const grey = { ...stripe, color: "rgba(83,96,106,.55)" };
  const looks = {
    brand: { color: token("--brand") },
    red: { color: token("--red") },
    p1: { color: token("--p1"), decal: { ...stripe, rotation: Math.PI / 4 } },
    p2: { color: token("--p2"), decal: stripe },
    p3: { color: "#dda64a", decal: dots },
    wait: { color: "#cfd8d3", decal: { ...dots, color: "rgba(83,96,106,.6)" } },
    machine: { color: "#c3ccd0", decal: grey },
    off: { color: "#d5dade", decal: { ...grey, rotation: Math.PI / 4 } },
  };
  const marks = ["circle", "rect", "triangle", "diamond"];
  const digits = data.unit === "%" ? 1 : 0;
  const shown = (n) => (n === null || n === undefined || n === "-" ? "–" : `${n.toLocaleString(undefined, { minimumFractionDigits: digits })}${data.unit}`);
  const lies = data.kind === "sides";
  const width = () => place.clientWidth;
  const cut = (text) => { const most = width() < 560 ? 9 : 20; return text.length > most ? `${text.slice(0, most)}…` : text; };
  const names = { type: "category", data: data.categories, axisTick: { show: false }, inverse: lies, axisLabel: lies ? { formatter: cut, color: token("--ink") } : { color: token("--ink2") } };
  const values = { type: "value", min: 0, minInterval: data.unit ? undefined : 1, axisLabel: { formatter: (n) => `${n.toLocaleString()}${data.unit}` }, splitLine: { lineStyle: { color: token("--line") } }, splitNumber: 4 };
  const last = data.series.length - 1;
  const line = (one, i) => ({
    name: one.name, type: "line", data: one.data, symbol: marks[i % marks.length], symbolSize: 9, connectNulls: false,
    lineStyle: { width: 2, color: looks[one.look].color, type: ["solid", "dashed", "dotted", [8, 3, 2, 3]][i % 4] }, itemStyle: { color: looks[one.look].color },
    label: { show: data.series.length === 1 && width() > 560, formatter: (p) => shown(p.value), color: token("--ink") },
  });
  const bar = (one, i) => ({
    name: one.name, type: "bar", stack: "all", data: one.data.map((n) => n || "-"), barMaxWidth: lies ? 22 : 48,
    itemStyle: { ...looks[one.look], borderColor: "#fff", borderWidth: 1 },
    label: { show: i === 0 && one.look === "brand", position: "inside", color: "#fff", fontWeight: 700, formatter: (p) => (width() > 560 && p.value > 0 && p.value * 12 > Math.max(...one.data) ? shown(p.value) : "") },
  });
  place.style.display = "block";
  if (lies) place.style.height = `${Math.max(110, 74 + 34 * data.categories.length)}px`;
  const chart = window.echarts.init(place, null, { renderer: "svg" });
  const draw = () => {
    const legend = data.series.length > 1;
    chart.setOption({
      animation: false, aria: { enabled: true },
      textStyle: { fontFamily: token("--font"), color: token("--ink") },
      tooltip: { trigger: "axis", axisPointer: { type: lies ? "shadow" : "line" }, valueFormatter: shown, confine: true },
      legend: legend ? { left: 8, top: 2, itemWidth: 16, itemHeight: 10, textStyle: { color: token("--ink2") } } : { show: false },
      grid: { left: 12, right: data.kind === "line" ? 28 : 20, top: legend ? (width() < 560 && last > 2 ? 64 : 36) : 24, bottom: 8, containLabel: true },
      xAxis: lies ? values : { ...names, boundaryGap: data.kind !== "line" || data.categories.length < 2 },
      yAxis: lies ? names : values,
      series: data.series.map(data.kind === "line" ? line : bar),
    }, true);
  };
  draw();
  // A sheet of A4 between its margins is so wide; what the page becomes while it is printed says nothing.
  const sheet = 640;
  let prints = false;
  const fit = () => { chart.resize(prints ? { width: sheet } : { width: "auto" }); draw(); };
  window.addEventListener("beforeprint", () => { prints = true; fit(); });
  window.addEventListener("afterprint", () => { prints = false; fit(); });
  new ResizeObserver(() => { if (!prints) fit(); }).observe(place);
})();
