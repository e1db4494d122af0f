// Moves prices by the sliders and shows what roi_arithmetic.js makes of them. Until one moves, the page is Python's.
"use strict";
(() => {
  const holder = document.getElementById("roi-sheet");
  if (!holder) return;
  const roi = globalThis.ratchetRoi, sheet = JSON.parse(holder.textContent);
  const copyPrices = () => JSON.parse(JSON.stringify(sheet.prices));
  let prices = copyPrices();

  // Sliders have whole positions from 0 to 1000, or the months themselves.
  const toPosition = {
    log: (value, most) => (1000 * Math.log(Math.max(value, 1))) / Math.log(most),
    cubic: (value, most) => 1000 * Math.cbrt(value / most),
    whole: (value) => value || 0,
  };
  const toValue = {
    log: (position, most) => Number(Math.pow(most, position / 1000).toPrecision(3)),
    cubic: (position, most) => Number((most * Math.pow(position / 1000, 3)).toPrecision(3)),
    whole: (position) => position || null,
  };
  const show = {
    log: roi.formatQueries,
    cubic: roi.formatUsd,
    whole: (value) => (value === null ? "never again" : String(value)),
  };

  const setPrice = (path, value) => {
    const [section, key] = path.split(".");
    if (key === undefined) prices[section] = value;
    else prices[section] = { ...prices[section], [key]: value };
    if (key === "usd_per_server_hour") prices[section].usd_per_server_month = null;
  };

  const inputOf = (control) => document.querySelector(`[data-control="${control.id}"]`);

  const showControl = (control, value) => {
    const text = show[control.scale](value);
    document.querySelector(`[data-output="${control.id}"]`).textContent = text;
    inputOf(control).setAttribute("aria-valuetext", text);
  };

  const range = (spread) => `${roi.formatUsd(spread.ci95[0])} to ${roi.formatUsd(spread.ci95[1])}`;

  const showCost = (key, spread) => {
    const cell = document.querySelector(`[data-cost="${key}"]`), interval = document.createElement("span");
    interval.className = "range";
    interval.textContent = range(spread);
    cell.replaceChildren(`${roi.formatUsd(spread.value)} `, interval);
  };

  // report.js draws from this JSON again when colours change, so it has to hold the new curves, too.
  const redraw = (id, curves) => {
    const chart = document.getElementById(id), json = document.getElementById(`${id}-figure`);
    const figure = JSON.parse(json.textContent);
    figure.data.forEach((trace, index) => Object.assign(trace, curves[index]));
    json.textContent = JSON.stringify(figure);
    Plotly.react(chart, figure.data, chart.layout, { displayModeBar: false });
  };

  const total = (split) => Object.values(split).reduce((sum, usd) => sum + usd, 0);

  const redrawCharts = (result) => {
    const months = result.arms[0].cumulative.map((_, month) => month);
    redraw("chart-roi-months", result.arms.map((arm) => ({ x: months, y: arm.cumulative.map(total) })));
    const grid = Array.from({ length: 81 }, (_, index) => Math.min(prices.queries_per_day * 10 ** (index / 20 - 2), 1e9));
    const costs = grid.map((queries) => roi.usdPerAnswerAt(sheet, prices, queries, "correct_answer"));
    redraw("chart-roi-queries", sheet.arms.map((_, index) => ({ x: grid, y: costs.map((at) => at[index]) })));
  };

  const update = () => {
    const result = roi.analyse(sheet, prices);
    for (const [basis, ranges] of Object.entries(result.cheapest)) {
      document.querySelector(`[data-range="${basis}"]`).textContent = roi.describeRanges(sheet, ranges, basis);
    }
    for (const arm of result.arms) {
      for (const figure of ["usd_per_query", "usd_per_correct_answer", "total_usd"]) {
        showCost(`${figure}:${arm.arm}`, arm[figure]);
      }
    }
    for (const found of result.break_evens) {
      const key = [found.basis, ...found.arms].join(":");
      document.querySelector(`[data-month="${key}"]`).textContent = roi.describeMonth(sheet, found, prices.months);
      document.querySelector(`[data-queries="${key}"]`).textContent = roi.describeQueries(sheet, found);
    }
    redrawCharts(result);
  };

  let waiting = false;
  const updateSoon = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      update();
    });
  };

  const start = () => {
    for (const control of sheet.controls) {
      inputOf(control).value = Math.round(toPosition[control.scale](control.value, control.most));
      showControl(control, control.value);
    }
  };

  for (const control of sheet.controls) {
    inputOf(control).addEventListener("input", (event) => {
      const value = toValue[control.scale](Number(event.target.value), control.most);
      setPrice(control.id, value);
      showControl(control, value);
      updateSoon();
    });
  }
  document.getElementById("roi-reset").addEventListener("click", () => {
    prices = copyPrices();
    start();
    updateSoon();
  });
  start();
  document.getElementById("roi-controls").hidden = false;
})();
