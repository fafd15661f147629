/* The card beside the map: at once from what is known here, then with the true neighbours. */

const TARGET = '<svg viewBox="0 0 16 16" aria-hidden="true"><circle cx="8" cy="8" r="4"/>'
  + '<path d="M8 1v3M8 12v3M1 8h3M12 8h3"/></svg>';

class MapCard {
  /** @param acts `select(row)`: go to a point and hear it, `letGo()`. */
  constructor(holder, data, parts, acts) {
    Object.assign(this, { holder, data, parts, acts });
    this.empty = holder.innerHTML;
  }

  clear() {
    this.holder.innerHTML = this.empty;
  }

  /** Show what is known of a point without asking, so that it can be heard at once. */
  begin(row) {
    const { data, parts } = this;
    const body = document.createElement("div");
    const name = parts.small(data.name[row], "cir-name");
    body.append(name, parts.family(row), parts.small(`${data.place(row)} \u00b7 by ${data.author(row)}`, "cir-meta"));
    const card = document.createElement("div");
    card.className = "cir-card";
    card.append(parts.play(row), body);
    const box = document.createElement("div");
    box.className = "cir-selected is-coming";
    box.append(card);
    this.fill(box);
  }

  /** Show the server's card, with ways to go on from each instrument on it. */
  show(html) {
    const box = document.createElement("div");
    box.innerHTML = html;
    for (const card of box.querySelectorAll(".cir-card[data-instrument]")) {
      this.addActions(card, card.dataset.instrument, true);
    }
    const chosen = box.querySelector("[data-selected]");
    if (chosen) {
      this.addActions(chosen.querySelector(".cir-card"), chosen.dataset.selected, false);
      const close = this.parts.button("\u00d7", () => this.acts.letGo(), "cir-map-close");
      close.setAttribute("aria-label", "Let go of this instrument");
      chosen.append(close);
    }
    this.fill(...box.childNodes);
  }

  addActions(card, id, canGo) {
    const row = this.data.rowOf.get(id);
    const place = card.querySelector(".cir-acts") ?? card.querySelector(".cir-name");
    if (row === undefined || !place) return;
    const actions = this.parts.small("", "cir-map-inline");
    actions.append(this.parts.collect(row));
    if (canGo) {
      const go = this.parts.button("", () => this.acts.select(row), "cir-map-go");
      go.innerHTML = TARGET;
      go.title = `Go to ${this.data.name[row]} on the map`;
      go.setAttribute("aria-label", go.title);
      actions.append(go);
    }
    place.append(actions);
  }

  /** Replace what is there; the keyboard's focus stays with the card if it was on it. */
  fill(...nodes) {
    const hadFocus = this.holder.contains(document.activeElement);
    this.holder.replaceChildren(...nodes);
    if (hadFocus) this.holder.focus();
  }
}
