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
    zerolinecolor: "--line", separatethousands: true, autotickangles: [0, -60, -90], exponentformat: "none",
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

/** The bar at a click, else one beside it: the thinnest are thinner than a finger. */
function barAt({ points, event: { clientX } }) {
  const { x0, x1 } = points[0].bbox;
  const at = points[Math.floor(((clientX - x0) / (x1 - x0)) * points.length)];
  const drawn = points.filter(({ x, y, data }) => (data.orientation === "h" ? x : y) > 0);
  return drawn.includes(at) ? at : drawn[0];
}

function follow(filter) {
  const accounts = document.getElementById("accounts");
  TABLES.accounts.filterBy(filter);
  accounts.focus({ preventScroll: true });
  accounts.scrollIntoView();
}

/** Offer each bar as a button too, for those who use no pointer. */
function listBars({ key, data }) {
  const buttons = data.flatMap(({ x, y, orientation, customdata }) =>
    customdata.map((filter, i) => [filter, (orientation === "h" ? x : y)[i]]))
    .filter(([, length]) => length > 0)
    .map(([filter]) => {
      const button = make("button", { type: "button", class: "chip" }, filter.label);
      button.addEventListener("click", () => follow(filter));
      return button;
    });
  document.querySelector(`#${key} .bars-list`).append("Show in the table: ", ...buttons);
}

function followClicks({ key }) {
  const place = document.querySelector(`#${key} .chart`);
  place.on("plotly_click", (click) => {
    const bar = barAt(click);
    if (bar === undefined) return;
    follow(bar.customdata);
  });
  // Else a click follows the tap: on the chart again, or on what has moved below the finger.
  place.addEventListener("touchend", (event) => {
    if (event.cancelable && event.target.closest(".nsewdrag")) event.preventDefault();
  });
}

DATA.charts.forEach(listBars);
DATA.charts.forEach((chart) => draw(chart).then(() => followClicks(chart)));
DARK.addEventListener("change", () => DATA.charts.forEach(draw));
