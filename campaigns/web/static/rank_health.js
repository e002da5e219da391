// The pictures of rank health. The numbers stand in tables as well: without this file nothing is lost.
(() => {
  const source = document.getElementById("rank-data");
  if (!source || !window.echarts) return;
  const data = JSON.parse(source.textContent);
  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const stripe = { symbol: "rect", symbolSize: 1, dashArrayX: [1, 0], dashArrayY: [3, 4], color: "rgba(255,255,255,.5)" };
  const dots = { symbol: "circle", symbolSize: 0.6, dashArrayX: [[0, 5], [5, 5]], dashArrayY: [5, 0], color: "rgba(40,55,60,.45)" };
  const looks = {
    hot: { color: token("--red") },
    warm: { color: "#d9a441", decal: { ...stripe, rotation: Math.PI / 4, color: "rgba(110,65,0,.45)" } },
    nurture: { color: "#3f8f59" },
    unobserved: { color: "#d5dade", decal: dots },
    declined: { color: "#9b86a6", decal: { ...stripe, rotation: -Math.PI / 4 } },
  };
  const base = {
    animation: false,
    aria: { enabled: true },
    textStyle: { fontFamily: token("--font"), color: token("--ink") },
    grid: { left: 48, right: 16, top: 40, bottom: 26 },
    xAxis: { type: "category", axisTick: { show: false } },
    yAxis: { type: "value", splitLine: { lineStyle: { color: token("--line") } } },
  };
  const percent = (value) => (value == null ? "–" : `${value.toFixed(1)}%`);
  const pictures = {
    months: (is_narrow) => ({
      ...base,
      grid: { ...base.grid, top: is_narrow ? 72 : 40, left: is_narrow ? 40 : 48 },
      legend: { left: 8, top: 4, right: 8, itemWidth: 14, itemHeight: 10, textStyle: { color: token("--ink2") } },
      tooltip: { trigger: "axis", axisPointer: { type: "shadow" }, valueFormatter: percent },
      xAxis: { ...base.xAxis, data: data.months },
      yAxis: { ...base.yAxis, max: 100, axisLabel: { formatter: "{value}%" } },
      series: data.ranks.map((one) => ({ name: one.name, type: "bar", stack: "ranks", barMaxWidth: 34, barCategoryGap: "22%", data: one.data, itemStyle: { ...looks[one.rank], borderColor: "#fff", borderWidth: 0.5 } })),
    }),
    cuts: () => ({
      ...base,
      grid: { ...base.grid, top: 16 },
      tooltip: { trigger: "axis" },
      xAxis: { ...base.xAxis, data: data.cuts.days },
      series: [{ name: data.cuts.name, type: "line", data: data.cuts.data, symbol: "circle", symbolSize: 6, lineStyle: { color: token("--amber"), width: 2 }, itemStyle: { color: token("--amber") } }],
    }),
  };
  document.querySelectorAll("[data-chart]").forEach((place) => {
    place.style.display = "block";
    const chart = window.echarts.init(place, null, { renderer: "svg" });
    const fit = () => {
      chart.resize();
      chart.setOption(pictures[place.dataset.chart](place.clientWidth < 560));
    };
    fit();
    new ResizeObserver(fit).observe(place);
  });
})();
