/* Small pieces of HTML that list, playlist and card share. Text is inserted as text, never as HTML. */

const make = (tag, name, ...content) => {
  const node = document.createElement(tag);
  node.className = name;
  node.append(...content);
  return node;
};

const makeButton = (label, act, name, title = "") => {
  const button = make("button", name, label);
  button.type = "button";
  if (title) {
    button.title = title;
    button.setAttribute("aria-label", title);
  }
  button.addEventListener("click", act);
  return button;
};

const spaced = (count) => count.toLocaleString("en");

class MapParts {
  /** @param acts `choose(row)`, `collect(row)`. */
  constructor(template, data, state, acts) {
    Object.assign(this, { template, data, state, acts });
  }

  /** A button that plays a point's sound, or a dash if it has none. */
  play(row) {
    const address = this.data.address(row);
    if (!address) return make("span", "cir-silent", "\u2013");
    const button = this.template.content.firstElementChild.cloneNode(true);
    button.dataset.src = address;
    button.title = `Play ${this.data.name[row]}`;
    button.setAttribute("aria-label", button.title);
    return button;
  }

  /** The name, as a button that chooses the point. */
  name(row) {
    const button = makeButton(this.data.name[row], () => this.acts.choose(row), "cir-map-name");
    button.title = "Play it and show similar sounds";
    return button;
  }

  family(row) {
    const tag = make("span", "cir-tag", make("span", "cir-dot"), this.data.label(row));
    tag.style.setProperty("--family", this.data.families[this.data.family[row]].colour);
    return tag;
  }

  /** The ranks of a point in the last search: "match 2 for Bass". */
  marks(row) {
    return this.state.stars
      .filter((star) => star.rows.includes(row))
      .map((star) => make("span", "cir-map-mark", `match ${star.rows.indexOf(row) + 1} for ${star.label}`));
  }

  /** A button that adds a point to the playlist or removes it. */
  collect(row) {
    const button = makeButton("", () => this.acts.collect(row), "cir-map-collect");
    button.dataset.row = String(row);
    this.showCollected(button);
    return button;
  }

  /** Update all of these buttons. */
  refresh(root) {
    for (const button of root.querySelectorAll(".cir-map-collect")) this.showCollected(button);
  }

  showCollected(button) {
    const row = Number(button.dataset.row);
    const inside = this.state.playlist.includes(row);
    button.textContent = inside ? "\u2713" : "+";
    button.title = `${inside ? "Remove" : "Add"} ${this.data.name[row]} ${inside ? "from" : "to"} the playlist`;
    button.setAttribute("aria-pressed", String(inside));
    button.setAttribute("aria-label", button.title);
  }
}
