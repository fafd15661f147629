/* The shown instruments as a table, a hundred per page: for keyboards and screen readers. */

const PAGE_ROWS = 100;

class MapList {
  /** @param acts `rows()`: the rows that are shown, by name. */
  constructor(root, data, state, parts, acts) {
    Object.assign(this, { root, data, state, parts, acts, page: 0 });
    this.body = root.querySelector("tbody");
    this.heads = root.querySelectorAll("th[data-sort]");
    this.sort = { column: "name", down: false };
    for (const head of this.heads) {
      head.querySelector("button").addEventListener("click", () => this.sortBy(head.dataset.sort));
    }
    for (const button of root.querySelectorAll("[data-page]")) {
      button.addEventListener("click", () => this.turn(Number(button.dataset.page)));
    }
  }

  sortBy(column) {
    this.sort = { column, down: this.sort.column === column && !this.sort.down };
    for (const head of this.heads) {
      const order = this.sort.down ? "descending" : "ascending";
      head.setAttribute("aria-sort", head.dataset.sort === column ? order : "none");
    }
    this.restart();
  }

  turn(pages) {
    this.page += pages;
    this.show();
    this.root.scrollIntoView({ block: "start", behavior: STILL.matches ? "auto" : "smooth" });
  }

  sorted() {
    const rows = this.acts.rows();
    if (this.sort.column === "family") rows.sort((one, other) => this.data.family[one] - this.data.family[other]);
    return this.sort.down ? rows.reverse() : rows;
  }

  restart() {
    this.page = 0;
    this.show();
  }

  show() {
    const { root } = this;
    if (root.hidden) return;
    const rows = this.sorted();
    const last = Math.max(Math.ceil(rows.length / PAGE_ROWS) - 1, 0);
    this.page = Math.min(Math.max(this.page, 0), last);
    const first = this.page * PAGE_ROWS;
    const seen = rows.slice(first, first + PAGE_ROWS);
    this.body.replaceChildren(...seen.map((row) => this.line(row)));
    this.mark();
    root.querySelector("table").hidden = !rows.length;
    root.querySelector(".cir-map-none").hidden = rows.length > 0;
    root.querySelector(".cir-map-pages").hidden = rows.length <= PAGE_ROWS;
    root.querySelector(".cir-map-range").textContent =
      `${spaced(first + 1)}\u2013${spaced(first + seen.length)} of ${spaced(rows.length)}`;
    const [back, on] = root.querySelectorAll("[data-page]");
    back.disabled = this.page === 0;
    on.disabled = this.page === last;
  }

  /** Highlight the line of the chosen instrument. */
  mark() {
    for (const line of this.body.children) {
      line.classList.toggle("is-chosen", this.data.rowOf.get(line.dataset.instrument) === this.state.selected);
    }
  }

  line(row) {
    const { data, parts } = this;
    const [place, author] = [data.place(row), data.author(row)];
    const name = make("th", "", parts.name(row), make("span", "cir-map-narrow", `${place} \u00b7 by ${author}`));
    name.scope = "row";
    name.append(...parts.marks(row));
    const line = make(
      "tr", "", make("td", "", parts.play(row)), name, make("td", "", parts.family(row)),
      make("td", "cir-map-wide", place), make("td", "cir-map-wide", author), make("td", "", parts.collect(row)));
    line.dataset.instrument = data.id[row];
    return line;
  }
}
