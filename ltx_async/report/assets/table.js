"use strict";

// Text from servers enters the document by textContent alone.

const DATA = JSON.parse(document.getElementById("data").textContent);
const COLLATOR = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
const NUMBER = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });
const SIGNED = new Intl.NumberFormat("en", { maximumFractionDigits: 2, signDisplay: "exceptZero" });
const DAY = new Intl.DateTimeFormat("en-GB", {
  day: "numeric", month: "short", year: "numeric", timeZone: "UTC",
});

function inShort(value, format) {
  return Math.abs(value) < 1e15 ? format.format(value) : value.toExponential(2);
}

function timeTaken(ms) {
  if (ms >= 10000) return `${NUMBER.format(Math.round(ms / 100) / 10)} s`;
  return `${ms < 10 ? ms.toFixed(1) : NUMBER.format(Math.round(ms))} ms`;
}

const SHOWN = {
  text: (value) => value,
  outcome: (value) => DATA.outcomes[value],
  number: (value) => inShort(value, NUMBER),
  signed: (value) => inShort(value, SIGNED),
  time: timeTaken,
  date: (value) => DAY.format(value),
};

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function compare(a, b) {
  return typeof a === "string" ? COLLATOR.compare(a, b) : a - b;
}

/** A table that is searched, filtered and sorted as a whole, and drawn a page at a time. */
class ResultTable {
  constructor({ id, columns, filters, rows, page_rows: pageRows, left_out: leftOut }) {
    this.pageRows = pageRows;
    this.columns = columns;
    this.presets = filters;
    this.leftOut = leftOut;
    this.records = rows.map((cells) => ({ cells, text: this.searchable(cells) }));
    this.filters = [];
    this.sort = null;
    this.page = 0;
    this.heard = () => {};
    this.build(document.getElementById(id), id);
    this.refresh();
  }

  searchable(cells) {
    const texts = cells.map((cell, i) =>
      typeof cell === "string" ? SHOWN[this.columns[i].kind](cell) : "");
    return texts.join("\n").toLowerCase();
  }

  build(section, id) {
    const label = `Search ${id}`;
    this.search = make("input", { type: "search", placeholder: label, "aria-label": label });
    this.search.addEventListener("input", () => this.restart());
    this.chips = make("div", { class: "tools", role: "group", "aria-label": `Filter ${id}` });
    this.shown = [...this.columns.keys()].filter((i) => this.columns[i].kind !== "hidden");
    this.heads = this.columns.map((column, i) => this.head(column, i));
    this.body = make("tbody", { role: "rowgroup" });
    const head = make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, ...this.shown.map((i) => this.heads[i])));
    // The roles stay when a narrow page shows the rows as blocks.
    const attributes = { class: "rows", role: "table", "aria-labelledby": `${id}-title` };
    this.table = make("table", attributes, head, this.body);
    this.status = make("p", { role: "status" });
    this.back = this.turner("Previous", -1);
    this.next = this.turner("Next", 1);
    const copy = make("button", { type: "button" }, "Copy emails");
    copy.addEventListener("click", () => this.copy(copy));
    const save = make("button", { type: "button" }, "Save as CSV");
    save.addEventListener("click", () => this.save(id));
    if (this.leftOut) section.append(make("p", { class: "remark", role: "note" }, this.capText()));
    section.append(
      make("div", { class: "tools" }, this.search, copy, save), this.chips,
      make("div", { class: "sheet" }, this.table),
      make("div", { class: "pager" }, this.status, this.back, this.next),
    );
  }

  head({ name, kind }, index) {
    const button = make("button", { type: "button" }, name);
    button.addEventListener("click", () => this.sortBy(index));
    return make("th", { scope: "col", role: "columnheader", class: kind }, button);
  }

  turner(name, step) {
    const button = make("button", { type: "button" }, name);
    button.addEventListener("click", () => {
      this.page += step;
      this.draw();
      if (this.table.getBoundingClientRect().top < 0) this.table.scrollIntoView();
    });
    return button;
  }

  sortBy(index) {
    const again = this.sort?.index === index;
    this.sort = { index, direction: again ? -this.sort.direction : 1 };
    this.heads.forEach((head) => head.removeAttribute("aria-sort"));
    const order = this.sort.direction > 0 ? "ascending" : "descending";
    this.heads[index].setAttribute("aria-sort", order);
    this.restart();
  }

  /** Add a filter, or take it away where it is there. */
  filterBy(filter) {
    const rest = this.filters.filter(({ label }) => label !== filter.label);
    this.filters = rest.length < this.filters.length ? rest : [...rest, filter];
    this.restart();
  }

  restart() {
    this.page = 0;
    this.refresh();
    this.heard();
  }

  capText() {
    const [held, rest] = [this.records.length, this.leftOut].map((value) => NUMBER.format(value));
    return `This page holds ${held} rows, the most urgent first; ${rest} more are in the results alone,`
      + " and no search or filter finds them here.";
  }

  /** What is searched, filtered and sorted by, as the part of an address behind its #. */
  get address() {
    const said = new URLSearchParams();
    if (this.search.value) said.set("q", this.search.value);
    for (const filter of this.filters) {
      const preset = this.presets.some(({ label }) => label === filter.label);
      said.append("f", preset ? filter.label : JSON.stringify(filter));
    }
    if (this.sort) said.set("sort", this.columns[this.sort.index].key + (this.sort.direction < 0 ? "-" : ""));
    return said.toString();
  }

  set address(text) {
    const said = new URLSearchParams(text);
    this.search.value = said.get("q") ?? "";
    this.filters = said.getAll("f").map((one) => this.filterNamed(one)).filter(Boolean);
    const [, key, back] = /^(\w+)(-?)$/.exec(said.get("sort") ?? "") ?? [];
    const index = this.columns.findIndex((column) => column.key === key);
    this.page = 0;
    this.sort = null;
    if (index >= 0) {
      this.sortBy(index);
      if (back) this.sortBy(index);
    } else {
      this.heads.forEach((head) => head.removeAttribute("aria-sort"));
      this.refresh();
    }
  }

  filterNamed(name) {
    const preset = this.presets.find(({ label }) => label === name);
    if (preset) return preset;
    try {
      const { column, label, values, low, high } = JSON.parse(name);
      const known = this.columns.some(({ key }) => key === column) && typeof label === "string";
      return known ? { column, label, low, high, ...(Array.isArray(values) ? { values } : {}) } : null;
    } catch {
      return null;
    }
  }

  copy(button) {
    const text = this.found.map(({ cells }) => cells[0]).join("\n");
    const done = (said) => {
      this.status.textContent = said;
    };
    const copied = `${inShort(this.found.length, NUMBER)} copied`;
    (navigator.clipboard?.writeText(text) ?? Promise.reject(new Error()))
      .then(() => done(copied), () => done(copyBySelection(text, button) ? copied : "Nothing could be copied"));
  }

  save(id) {
    const lines = [this.columns.map(({ name }) => name), ...this.found.map(({ cells }) => cells)]
      .map((cells) => this.shown.map((i) => this.csvCell(cells[i], i)).join(","));
    const blob = new Blob([`${lines.join("\r\n")}\r\n`], { type: "text/csv" });
    const link = make("a", { href: URL.createObjectURL(blob), download: `${id}.csv` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }

  /** A cell of a table for spreadsheets, in which no text is a formula. */
  csvCell(value, index) {
    if (value === null) return "";
    if (this.columns[index].kind === "date" && typeof value === "number") return new Date(value).toISOString();
    if (typeof value === "number") return String(value);
    const text = /^[=+\-@\t\r\n']/.test(value) ? `'${value}` : value;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }

  refresh() {
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const passes = this.passing();
    this.found = this.records.filter(({ cells, text }) =>
      passes(cells) && words.every((word) => text.includes(word)));
    if (this.sort) this.order();
    this.drawChips();
    this.draw();
  }

  passing() {
    // Filters of one column widen each other, those of several narrow each other.
    const columns = Map.groupBy
      ? [...Map.groupBy(this.filters, ({ column }) => column).values()]
      : [...new Set(this.filters.map(({ column }) => column))]
        .map((name) => this.filters.filter(({ column }) => column === name));
    const tests = columns.map((filters) => filters.map((filter) => this.test(filter)));
    return (cells) => tests.every((ofColumn) => ofColumn.some((test) => test(cells)));
  }

  test({ column, values, low = null, high = null }) {
    const index = this.columns.findIndex(({ key }) => key === column);
    if (values) return (cells) => values.includes(cells[index]);
    return ({ [index]: cell }) =>
      cell !== null && (low === null || cell >= low) && (high === null || cell < high);
  }

  order() {
    const { index, direction } = this.sort;
    this.found.sort(({ cells: { [index]: a } }, { cells: { [index]: b } }) => {
      if (a === null || b === null) return (a === null) - (b === null); // unknown comes last
      return direction * compare(a, b);
    });
  }

  drawChips() {
    const own = this.filters.filter((one) => !this.presets.some(({ label }) => label === one.label));
    const shown = [...this.presets, ...own];
    const focused = this.chips.contains(document.activeElement)
      ? [...this.chips.children].indexOf(document.activeElement) : -1;
    this.chips.replaceChildren(...shown.map((filter) => this.chip(filter)));
    this.chips.children[focused]?.focus();
  }

  isPressed(name) {
    return this.filters.some(({ label }) => label === name);
  }

  chip(filter) {
    const pressed = this.isPressed(filter.label);
    const chip = make("button", { type: "button", class: "chip", "aria-pressed": pressed }, filter.label);
    const beside = pressed ? "✕" : filter.count === undefined ? "" : NUMBER.format(filter.count);
    chip.append(make("span", pressed ? { "aria-hidden": "true" } : {}, beside));
    chip.addEventListener("click", () => this.filterBy(filter));
    return chip;
  }

  draw() {
    const count = this.found.length;
    const first = this.page * this.pageRows;
    const last = Math.min(first + this.pageRows, count);
    this.body.replaceChildren(...this.found.slice(first, last).map(({ cells }) => this.row(cells)));
    this.status.textContent = this.statusText(first, last, count);
    this.back.disabled = first === 0;
    this.next.disabled = last === count;
  }

  statusText(first, last, count) {
    if (count === 0) return "Nothing found";
    const [from, to, all] = [first + 1, last, count].map((value) => inShort(value, NUMBER));
    return `${from} to ${to} of ${all}`;
  }

  row(cells) {
    return make("tr", { role: "row" }, ...this.shown.map((i) => this.cell(cells[i], i)));
  }

  cell(value, index) {
    const { name, kind } = this.columns[index];
    const void_ = value === null || value === "";
    const classes = [kind, index === 0 ? "lead" : "", void_ ? "void" : ""].join(" ").trim();
    const cell = make("td", { role: "cell", class: classes, "data-name": name });
    if (void_) return cell;
    const dot = kind === "outcome" ? [make("i", { class: value, "aria-hidden": "true" })] : [];
    cell.append(make("span", {}, ...dot, SHOWN[kind](value)));
    return cell;
  }
}

function copyBySelection(text, focused) {
  const area = make("textarea", { class: "unseen" });
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  focused.focus();
  return done;
}

function ageText(ms) {
  const seconds = (Date.now() - ms) / 1000;
  const [size, unit] = [[86400, "day"], [3600, "hour"], [60, "minute"]].find(([each]) => seconds >= each) ?? [];
  if (!unit) return "";
  const count = Math.floor(seconds / size);
  return `, ${NUMBER.format(count)} ${unit}${count === 1 ? "" : "s"} ago`;
}

const TABLES = Object.fromEntries(DATA.tables.map((table) => [table.id, new ResultTable(table)]));
const ACCOUNTS = TABLES.accounts;
const CARDS = [...document.querySelectorAll("[data-filter]")];

function pressCards() {
  for (const card of CARDS) card.setAttribute("aria-pressed", ACCOUNTS.isPressed(card.dataset.filter));
}

ACCOUNTS.heard = () => {
  pressCards();
  history.replaceState(null, "", ACCOUNTS.address ? `#${ACCOUNTS.address}` : location.pathname);
};
for (const card of CARDS) {
  card.addEventListener("click", () => ACCOUNTS.filterBy(ACCOUNTS.filterNamed(card.dataset.filter)));
}

/** Show what the address says; the anchor of the table says nothing. */
function followAddress() {
  if (!location.hash.includes("=")) return;
  ACCOUNTS.address = location.hash.slice(1);
  pressCards();
}
addEventListener("hashchange", followAddress);
followAddress();
if (DATA.as_of !== null) document.getElementById("age").textContent = ageText(DATA.as_of);
