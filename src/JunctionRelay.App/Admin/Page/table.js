import { el, say } from "./format.js";

// A table of which only the rows in sight exist: two thousand cost no more than twenty.
export class Table {
  #rows = [];
  #shown = [];
  #pool = [];
  #matches = () => true;
  #sort;
  #narrow = matchMedia("(max-width: 760px)");

  // columns: { title, of(row) → text or element, by?(row) → what to sort by, className? }
  constructor(place, { className, columns, rowHeight, narrowHeight, sort, ascending, empty, decorate }) {
    Object.assign(this, { columns, rowHeight, narrowHeight, emptyText: empty, decorate });
    this.#sort = sort === undefined ? null : { column: columns[sort], up: ascending };
    this.head = el("div", "row head", ...columns.map(column => this.#headCell(column)));
    this.sheet = el("div", "sheet");
    this.box = el("div", "scroll", this.sheet);
    this.note = el("p", "empty");
    this.root = el("div", `table ${className}`, this.head, this.box, this.note);
    this.root.setAttribute("role", "table");
    this.head.setAttribute("role", "row");
    this.box.setAttribute("role", "rowgroup");
    this.box.tabIndex = 0;
    place.append(this.root);
    this.box.addEventListener("scroll", () => this.#paint(), { passive: true });
    this.#narrow.addEventListener("change", () => this.#layout());
    new ResizeObserver(() => this.#paint()).observe(this.box);
  }

  get shown() { return this.#shown.length; }

  set rows(rows) {
    this.#rows = rows;
    this.#layout();
  }

  filter(matches) {
    this.#matches = matches;
    this.box.scrollTop = 0;
    this.#layout();
  }

  #headCell(column) {
    const cell = column.by ? el("button", column.className, column.title) : el("span", column.className, column.title);
    cell.setAttribute("role", "columnheader");
    if (column.by) {
      cell.type = "button";
      cell.addEventListener("click", () => {
        this.#sort = { column, up: this.#sort?.column === column ? !this.#sort.up : true };
        this.#layout();
      });
    }
    return cell;
  }

  #layout() {
    this.#shown = this.#rows.filter(this.#matches);
    if (this.#sort) {
      const { column, up } = this.#sort;
      this.#shown = this.#shown.map(row => [column.by(row), row]).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0) * (up ? 1 : -1)).map(([, row]) => row);
    }
    this.columns.forEach((column, i) => {
      const on = this.#sort?.column === column;
      if (column.by) this.head.children[i].setAttribute("aria-sort", on ? this.#sort.up ? "ascending" : "descending" : "none");
    });
    this.height = this.#narrow.matches ? this.narrowHeight : this.rowHeight;
    this.sheet.style.height = `${this.#shown.length * this.height}px`;
    this.root.setAttribute("aria-rowcount", this.#shown.length + 1);
    this.note.hidden = this.#shown.length > 0;
    this.head.hidden = this.#shown.length === 0;
    this.box.hidden = this.#shown.length === 0;
    say(this.note, this.#rows.length ? "Nothing matches the filter." : this.emptyText);
    this.#paint();
  }

  #paint() {
    const first = Math.max(0, Math.floor(this.box.scrollTop / this.height) - 4);
    const last = Math.min(this.#shown.length, first + Math.ceil((this.box.clientHeight || 400) / this.height) + 8);
    while (this.#pool.length < last - first) this.#pool.push(this.#newRow());
    this.#pool.forEach((element, i) => {
      const row = this.#shown[first + i];
      const visible = first + i < last;
      if (element.hidden === visible) element.hidden = !visible;
      if (!visible) return;
      const top = `translateY(${(first + i) * this.height}px)`;
      if (element.style.transform !== top) element.style.transform = top;
      element.setAttribute("aria-rowindex", first + i + 2);
      this.columns.forEach((column, c) => say(element.children[c], column.of(row)));
      this.decorate?.(element, row);
    });
  }

  #newRow() {
    const row = el("div", "row", ...this.columns.map(column => {
      const cell = el("span", column.className);
      cell.setAttribute("role", "cell");
      return cell;
    }));
    row.setAttribute("role", "row");
    this.sheet.append(row);
    return row;
  }
}

// What people type: every word must be somewhere in the row.
export function words(text, ofRow) {
  const wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
  return row => {
    const all = ofRow(row).toLowerCase();
    return wanted.every(word => all.includes(word));
  };
}
