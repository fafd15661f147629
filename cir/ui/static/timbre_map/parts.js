/* Small pieces of HTML that list, playlist and card share. All text goes in as text, never as HTML. */

class MapParts {
  /** @param acts `choose(row)`, `collect(row)`. */
  constructor(template, data, state, acts) {
    Object.assign(this, { template, data, state, acts });
  }

  /** A button that plays a point's sound; a dash where there is none. */
  play(row) {
    const address = this.data.address(row);
    if (!address) return this.small("\u2013", "cir-silent");
    const button = this.template.content.firstElementChild.cloneNode(true);
    const words = `Play ${this.data.name[row]}`;
    button.dataset.src = address;
    button.title = words;
    button.setAttribute("aria-label", words);
    return button;
  }

  /** The name, as a button that chooses the point. */
  name(row) {
    const button = this.button(this.data.name[row], () => this.acts.choose(row), "cir-map-name");
    button.title = "Hear it, and see what sounds like it";
    return button;
  }

  family(row) {
    const tag = this.small("", "cir-tag");
    tag.style.setProperty("--family", this.data.families[this.data.family[row]].colour);
    tag.append(this.small("", "cir-dot"), this.data.label(row));
    return tag;
  }

  /** What the last search said of a point: "match 2, Bass". */
  marks(row) {
    return this.state.stars
      .filter((star) => star.rows.includes(row))
      .map((star) => this.small(`match ${star.rows.indexOf(row) + 1} for ${star.label}`, "cir-map-mark"));
  }

  /** A switch: in the playlist or not. */
  collect(row) {
    const button = this.button("", () => this.acts.collect(row), "cir-map-collect");
    button.dataset.row = String(row);
    this.showCollected(button);
    return button;
  }

  /** Bring all of these switches up to date. */
  refresh(root) {
    for (const button of root.querySelectorAll(".cir-map-collect")) this.showCollected(button);
  }

  showCollected(button) {
    const row = Number(button.dataset.row);
    const inside = this.state.playlist.includes(row);
    const words = `${inside ? "Remove" : "Add"} ${this.data.name[row]} ${inside ? "from" : "to"} the playlist`;
    button.textContent = inside ? "\u2713" : "+";
    button.setAttribute("aria-pressed", String(inside));
    button.setAttribute("aria-label", words);
    button.title = words;
  }

  button(text, act, name) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = name;
    button.textContent = text;
    button.addEventListener("click", act);
    return button;
  }

  small(text, name) {
    const span = document.createElement("span");
    span.className = name;
    span.textContent = text;
    return span;
  }
}
