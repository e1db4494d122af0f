// Draws every chart from the JSON beside it, in the page's own colours, which differ in light, in dark and on paper.
"use strict";
(() => {
  const property = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const inPageColours = (layout) => {
    const ink = property("--ink"), muted = property("--muted"), grid = property("--grid");
    const axis = { gridcolor: grid, zerolinecolor: muted, zerolinewidth: 1.5, tickfont: { color: ink } };
    return {
      ...layout,
      autosize: true,
      font: { ...layout.font, color: ink, family: getComputedStyle(document.body).fontFamily },
      xaxis: { ...layout.xaxis, ...axis },
      yaxis: { ...layout.yaxis, ...axis },
      // Behind its letters a label hides the grid it lies on.
      annotations: (layout.annotations || []).map((label) => ({ ...label, bgcolor: property("--card"), borderpad: 0 })),
      hoverlabel: { bgcolor: property("--card"), bordercolor: muted, font: { color: ink }, align: "left" },
    };
  };

  const draw = () => {
    for (const holder of document.querySelectorAll("[data-figure]")) {
      const figure = JSON.parse(document.getElementById(holder.dataset.figure).textContent);
      Plotly.react(holder, figure.data, inPageColours(figure.layout), { displayModeBar: false });
    }
  };

  draw();
  // Not plotly's own `responsive`: it watches the window, and paper is narrower than the window it is printed from.
  const watcher = new ResizeObserver((changes) => changes.forEach((change) => Plotly.Plots.resize(change.target)));
  document.querySelectorAll("[data-figure]").forEach((holder) => watcher.observe(holder));
  for (const query of ["(prefers-color-scheme: dark)", "print"]) {
    matchMedia(query).addEventListener("change", draw);
  }
})();
