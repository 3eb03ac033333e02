"use strict";

// Colours stand in the figures as names of CSS variables, so that both schemes are CSS alone.

const DARK = matchMedia("(prefers-color-scheme: dark)");
const CONFIG = { displayModeBar: false, responsive: true, doubleClick: false, showTips: false };

function themed(value, styles) {
  if (typeof value === "string") {
    return value.startsWith("--") ? styles.getPropertyValue(value).trim() : value;
  }
  if (Array.isArray(value)) return value.map((item) => themed(item, styles));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, themed(v, styles)]));
}

function axis(own) {
  const common = {
    automargin: true, fixedrange: true, gridcolor: "--line", linecolor: "--line",
    zerolinecolor: "--line", separatethousands: true, autotickangles: [0, -45, -90], exponentformat: "none",
  };
  return { ...common, ...own, title: { standoff: 8, ...own.title } };
}

function layout({ xaxis, yaxis, margin, ...own }) {
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", separators: ".,",
    font: { family: "system-ui, -apple-system, Segoe UI, Roboto, sans-serif", size: 12, color: "--muted" },
    hoverlabel: { bgcolor: "--card", bordercolor: "--line", font: { color: "--text", size: 13 } },
    showlegend: false, dragmode: false, bargap: 0.35,
    margin: { l: 8, r: 8, t: 8, b: 8, ...margin },
    xaxis: axis(xaxis), yaxis: axis(yaxis), ...own,
  };
}

function draw({ key, data, layout: own }) {
  const styles = getComputedStyle(document.documentElement);
  const place = document.querySelector(`#${key} .chart`);
  return Plotly.react(place, themed(data, styles), themed(layout(own), styles), CONFIG);
}

function followClicks({ key }) {
  document.querySelector(`#${key} .chart`).on("plotly_click", ({ points: [point] }) => {
    TABLES.accounts.filterBy(point.customdata);
    document.getElementById("accounts").focus();
  });
}

DATA.charts.forEach((chart) => draw(chart).then(() => followClicks(chart)));
DARK.addEventListener("change", () => DATA.charts.forEach(draw));
