// The pictures of a simulation. The numbers stand in tables as well: without this file nothing is lost.
(() => {
  const source = document.getElementById("simulation-data");
  if (!source || !window.echarts) return;
  const data = JSON.parse(source.textContent);
  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const stripe = { symbol: "rect", symbolSize: 1, dashArrayX: [1, 0], dashArrayY: [3, 3], rotation: -Math.PI / 4, color: "rgba(255,255,255,.55)" };
  const dots = { symbol: "circle", symbolSize: 0.6, dashArrayX: [[0, 5], [5, 5]], dashArrayY: [5, 0], color: "rgba(60,35,0,.7)" };
  const looks = {
    sent: { color: token("--brand") },
    p1: { color: token("--p1"), decal: { ...stripe, rotation: Math.PI / 4 } },
    p2: { color: token("--p2"), decal: stripe },
    p3: { color: "#dda64a", decal: dots },
    wait: { color: "#cfd8d3", decal: { ...dots, color: "rgba(83,96,106,.6)" } },
    off: { color: "#d5dade", decal: { ...stripe, color: "rgba(83,96,106,.5)" } },
  };
  const base = {
    animation: false,
    aria: { enabled: true },
    textStyle: { fontFamily: token("--font"), color: token("--ink") },
    tooltip: { trigger: "axis", axisPointer: { type: "shadow" } },
    legend: { left: 8, top: 4, itemWidth: 14, itemHeight: 10, textStyle: { color: token("--ink2") } },
    grid: { left: 52, right: 16, top: 44, bottom: 28 },
    xAxis: { type: "category", data: data.months, axisTick: { show: false } },
    yAxis: { type: "value", minInterval: 1, splitLine: { lineStyle: { color: token("--line") } } },
  };
  const bar = (one, look, stack) => ({ name: one.name, type: "bar", stack, barMaxWidth: 48, data: one.data.map((n) => n || "-"), itemStyle: { ...look, borderColor: "#fff", borderWidth: 1 } });
  const pictures = {
    mails: () => ({
      ...base,
      series: data.mails.map((one) => ({
        ...bar(one, looks[one.kind], "mails"),
        label: { show: one.kind === "sent", color: "#fff", fontWeight: 700, formatter: (p) => (p.value ? p.value.toLocaleString() : "") },
      })),
    }),
    calls: () => ({
      ...base,
      series: [
        bar(data.waited, { color: "#a9c1de", decal: { ...dots, color: "rgba(30,60,110,.55)" } }, "calls"),
        bar(data.within, { color: "#5b86bd" }, "calls"),
        { ...bar(data.over, { color: "#e2796f", decal: { ...stripe, color: "rgba(130,20,10,.6)" } }, "calls"), label: { show: true, position: "top", color: token("--red"), fontWeight: 700, formatter: (p) => (p.value ? `+${p.value}` : "") } },
        { name: data.room.name, type: "line", step: "middle", symbol: "none", lineStyle: { color: token("--ink"), width: 1.5 }, itemStyle: { color: token("--ink") }, data: data.room.data },
      ],
    }),
    ranks: (is_narrow) => { // on a phone the names stand once: the colours and the order are the same in each column
      const colours = { hot: token("--red"), warm: "#c98a1b", nurture: "#3f8f59", unobserved: "#9aa5ac", declined: "#8e7a99" };
      const totals = {};
      const links = [];
      const join = (rows, from, to) => rows.forEach(([a, b, n]) => {
        links.push({ source: `${from}.${a}`, target: `${to}.${b}`, value: n });
        totals[`${to}.${b}`] = (totals[`${to}.${b}`] || 0) + n;
        if (from === 0) totals[`${from}.${a}`] = (totals[`${from}.${a}`] || 0) + n;
      });
      join(data.ranks.now_half, 0, 1);
      join(data.ranks.half_end, 1, 2);
      const words = Object.fromEntries(data.rank_names);
      const order = data.rank_names.map(([rank]) => rank);
      const names = Object.keys(totals).sort((a, b) => order.indexOf(a.slice(2)) - order.indexOf(b.slice(2)));
      return {
        animation: false, aria: base.aria, textStyle: base.textStyle, tooltip: { formatter: (p) => p.value.toLocaleString() },
        series: [{
          type: "sankey", left: 8, right: 8, top: 8, bottom: 12, nodeWidth: 9, nodeGap: 12, layoutIterations: 0, draggable: false, emphasis: { disabled: true },
          data: names.map((name) => ({ name, depth: +name[0], itemStyle: { color: colours[name.slice(2)] }, label: { position: name[0] === "2" ? "left" : "right", formatter: is_narrow && name[0] !== "0" ? `{b|${totals[name].toLocaleString()}}` : `${words[name.slice(2)]} {b|${totals[name].toLocaleString()}}`, rich: { b: { fontWeight: 700 } } } })),
          links, lineStyle: { color: "source", opacity: 0.22 },
        }],
      };
    },
  };
  document.querySelectorAll("[data-chart]").forEach((place) => {
    place.style.display = "block";
    const chart = window.echarts.init(place, null, { renderer: "svg" });
    const narrow = () => place.clientWidth < (place.dataset.chart === "mails" ? 560 : 440);
    chart.setOption(pictures[place.dataset.chart](narrow()));
    const fit = () => {
      chart.resize();
      if (place.dataset.chart === "ranks") return chart.setOption(pictures.ranks(narrow()));
      chart.setOption({ grid: { top: narrow() && place.dataset.chart === "mails" ? 108 : 44, left: narrow() ? 40 : 52 } });
      if (place.dataset.chart === "calls") chart.setOption({ grid: { top: narrow() ? 76 : 44 }, series: [{}, {}, { label: { show: !narrow() } }, {}] });
      if (place.dataset.chart === "mails") chart.setOption({ series: data.mails.map((one) => ({ label: { show: one.kind === "sent" && !narrow() } })) });
    };
    fit();
    new ResizeObserver(fit).observe(place);
  });
})();
