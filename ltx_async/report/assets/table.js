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
    this.filter = null;
    this.sort = null;
    this.page = 0;
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
    this.heads = this.columns.map((column, i) => this.head(column, i));
    this.body = make("tbody", { role: "rowgroup" });
    const head = make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, ...this.heads));
    // The roles stay when a narrow page shows the rows as blocks.
    const attributes = { class: "rows", role: "table", "aria-labelledby": `${id}-title` };
    this.table = make("table", attributes, head, this.body);
    this.status = make("p", { role: "status" });
    this.back = this.turner("Previous", -1);
    this.next = this.turner("Next", 1);
    section.append(
      make("div", { class: "tools" }, this.search), this.chips,
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

  filterBy(filter) {
    this.filter = this.filter?.label === filter.label ? null : filter;
    this.restart();
  }

  restart() {
    this.page = 0;
    this.refresh();
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
    if (!this.filter) return () => true;
    const { column, values, low = null, high = null } = this.filter;
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
    const own = this.filter && !this.presets.some(({ label }) => label === this.filter.label);
    const shown = own ? [...this.presets, this.filter] : this.presets;
    const focused = this.chips.contains(document.activeElement)
      ? [...this.chips.children].indexOf(document.activeElement) : -1;
    this.chips.replaceChildren(...shown.map((filter) => this.chip(filter)));
    this.chips.children[focused]?.focus();
  }

  chip(filter) {
    const pressed = this.filter?.label === filter.label;
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
    const rest = this.leftOut ? `; ${NUMBER.format(this.leftOut)} more are not in this page` : "";
    if (count === 0) return `Nothing found${rest}`;
    const [from, to, all] = [first + 1, last, count].map((value) => inShort(value, NUMBER));
    return `${from} to ${to} of ${all}${rest}`;
  }

  row(cells) {
    return make("tr", { role: "row" }, ...cells.map((cell, i) => this.cell(cell, i)));
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

const TABLES = Object.fromEntries(DATA.tables.map((table) => [table.id, new ResultTable(table)]));
