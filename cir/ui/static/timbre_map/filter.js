/* Decides which points are shown and how strongly, by legend, search box and stars of a search. */

const MANY_FOUND = 400; // above this count, found points are not enlarged, since they would cover the map

class MapFilter {
  /** @param acts `changed()`, `next(rows)`: Enter was pressed in the search box. */
  constructor(root, data, state, acts) {
    Object.assign(this, { root, data, state, acts });
    this.hidden = new Set();
    this.found = null;
    this.keys = [...root.querySelectorAll(".cir-map-family")];
    this.words = root.querySelector(".cir-map-words");
    for (const key of this.keys) {
      key.addEventListener("click", () => this.toggle(key.dataset.family));
      key.addEventListener("dblclick", () => this.only(key.dataset.family));
    }
    for (const button of root.querySelectorAll(".cir-map-only")) {
      button.addEventListener("click", () => this.only(button.dataset.family));
    }
    for (const button of root.querySelectorAll("[data-all]")) {
      button.addEventListener("click", () => this.hide(button.dataset.all === "yes" ? [] : this.slugs()));
    }
    this.words.addEventListener("input", () => this.look());
    this.words.addEventListener("keydown", (event) => {
      if (event.key === "Enter") acts.next(this.rows());
    });
  }

  slugs() {
    return this.keys.map((key) => key.dataset.family);
  }

  toggle(slug) {
    const hidden = new Set(this.hidden);
    if (!hidden.delete(slug)) hidden.add(slug);
    this.hide(hidden);
  }

  /** Show one family only; if it is the only one already, show all. */
  only(slug) {
    const others = this.slugs().filter((other) => other !== slug);
    const isAlone = !this.hidden.has(slug) && others.every((other) => this.hidden.has(other));
    this.hide(isAlone ? [] : others);
  }

  hide(slugs) {
    this.hidden = new Set(slugs);
    for (const key of this.keys) key.setAttribute("aria-pressed", String(!this.hidden.has(key.dataset.family)));
    this.apply();
  }

  look() {
    this.found = this.data.matching(this.words.value);
    this.apply();
  }

  slug(row) {
    return this.data.families[this.data.family[row]].slug;
  }

  isShown(row) {
    return !this.hidden.has(this.slug(row));
  }

  /** Rows that are shown and match the search box, by name. */
  rows() {
    return [...this.data.byName].filter((row) => this.isShown(row) && (!this.found || this.found[row]));
  }

  /** Compute the level of each point and report the change. */
  apply() {
    const { data, state, found } = this;
    const rows = this.rows();
    const visible = state.allStars.filter((star) => !this.hidden.has(star.family));
    const asked = new Set(visible.map((star) => star.family));
    const strong = rows.length > MANY_FOUND ? PLAIN : LIT;
    const levels = new Uint8Array(data.size);
    for (let row = 0; row < data.size; row += 1) {
      if (!this.isShown(row)) continue;
      if (found) levels[row] = found[row] ? strong : FAINT;
      else levels[row] = !asked.size || asked.has(this.slug(row)) ? PLAIN : FAINT;
    }
    const named = [...visible.flatMap((star) => star.rows), ...state.neighbours, state.selected];
    for (const row of named) if (row >= 0) levels[row] = Math.max(levels[row], found ? PLAIN : LIT);
    state.stars = visible;
    state.levels = levels;
    state.order = Uint32Array.from(levels.keys())
      .filter((row) => levels[row])
      .sort((one, other) => levels[one] - levels[other] || one - other);
    this.count(rows.length);
    this.acts.changed(rows);
  }

  count(shown) {
    const total = spaced(this.data.size);
    const part = `${spaced(shown)} of ${total} ${this.found ? "found" : "shown"}`;
    this.root.querySelector(".cir-map-count").textContent =
      shown === this.data.size && !this.found ? `${total} instruments` : part;
    this.root.querySelector(".cir-map-add-found").hidden = !this.found || !shown;
  }
}
