/* The same instruments as a table, a hundred at a time: for keyboards, screen readers and readers. */

const PAGE_ROWS = 100;

class MapList {
  /** @param acts `rows()`: what is shown, in any order. */
  constructor(root, data, state, parts, acts) {
    Object.assign(this, { root, data, state, parts, acts });
    this.body = root.querySelector("tbody");
    this.range = root.querySelector(".cir-map-range");
    this.sort = { column: "name", down: false };
    this.page = 0;
    for (const head of root.querySelectorAll("th[data-sort]")) {
      head.querySelector("button").addEventListener("click", () => this.sortBy(head.dataset.sort));
    }
    for (const button of root.querySelectorAll("[data-page]")) {
      button.addEventListener("click", () => this.turn(Number(button.dataset.page)));
    }
  }

  sortBy(column) {
    this.sort = { column, down: this.sort.column === column && !this.sort.down };
    for (const head of this.root.querySelectorAll("th[data-sort]")) {
      const order = this.sort.down ? "descending" : "ascending";
      head.setAttribute("aria-sort", head.dataset.sort === column ? order : "none");
    }
    this.page = 0;
    this.show();
  }

  turn(pages) {
    this.page += pages;
    this.show();
    this.root.scrollIntoView({ block: "start", behavior: STILL.matches ? "auto" : "smooth" });
  }

  /** What is shown on the map, in the order of the table. */
  sorted() {
    const wanted = new Set(this.acts.rows());
    const rows = [...this.data.byName].filter((row) => wanted.has(row));
    if (this.sort.column === "family") rows.sort((one, other) => this.data.family[one] - this.data.family[other]);
    return this.sort.down ? rows.reverse() : rows;
  }

  /** The set has changed: start again at the first page. */
  restart() {
    this.page = 0;
    this.show();
  }

  show() {
    if (this.root.hidden) return;
    const rows = this.sorted();
    const last = Math.max(Math.ceil(rows.length / PAGE_ROWS) - 1, 0);
    this.page = Math.min(Math.max(this.page, 0), last);
    const first = this.page * PAGE_ROWS;
    const seen = rows.slice(first, first + PAGE_ROWS);
    this.body.replaceChildren(...seen.map((row) => this.line(row)));
    this.mark();
    this.root.querySelector("table").hidden = !rows.length;
    this.root.querySelector(".cir-map-none").hidden = rows.length > 0;
    this.root.querySelector(".cir-map-pages").hidden = rows.length <= PAGE_ROWS;
    this.range.textContent = `${spaced(first + 1)}\u2013${spaced(first + seen.length)} of ${spaced(rows.length)}`;
    const [back, on] = this.root.querySelectorAll("[data-page]");
    back.disabled = this.page === 0;
    on.disabled = this.page === last;
  }

  /** Show which line is chosen. */
  mark() {
    for (const line of this.body.children) {
      line.classList.toggle("is-chosen", this.data.rowOf.get(line.dataset.instrument) === this.state.selected);
    }
  }

  line(row) {
    const { data, parts } = this;
    const origin = `${data.place(row)} \u00b7 by ${data.author(row)}`;
    const cells = [
      ["td", parts.play(row)],
      ["th", parts.name(row), parts.small(origin, "cir-map-narrow"), ...parts.marks(row)],
      ["td", parts.family(row)],
      ["td cir-map-wide", data.place(row)],
      ["td cir-map-wide", data.author(row)],
      ["td", parts.collect(row)],
    ];
    const line = document.createElement("tr");
    line.dataset.instrument = data.id[row];
    for (const [kind, ...content] of cells) {
      const [tag, ...classes] = kind.split(" ");
      const cell = document.createElement(tag);
      cell.classList.add(...classes);
      if (tag === "th") cell.scope = "row";
      cell.append(...content);
      line.append(cell);
    }
    return line;
  }
}

const spaced = (count) => count.toLocaleString("en");
