/* The card beside the map: first with the data of the browser, then with the server's neighbours. */

const TARGET = '<svg viewBox="0 0 16 16" aria-hidden="true"><circle cx="8" cy="8" r="4"/>'
  + '<path d="M8 1v3M8 12v3M1 8h3M12 8h3"/></svg>';

class MapCard {
  /** @param acts `select(row)`: go to a point and play it; `letGo()`. */
  constructor(holder, data, parts, acts) {
    Object.assign(this, { holder, data, parts, acts });
    this.empty = holder.innerHTML;
  }

  clear() {
    this.holder.innerHTML = this.empty;
  }

  /** Show what the browser knows of a point, so that it can be played at once. */
  begin(row) {
    const { data, parts } = this;
    const origin = make("span", "cir-meta", `${data.place(row)} \u00b7 by ${data.author(row)}`);
    const body = make("div", "", make("span", "cir-name", data.name[row]), parts.family(row), origin);
    this.fill(make("div", "cir-selected is-coming", make("div", "cir-card", parts.play(row), body)));
  }

  /** Show the server's card, with map buttons for each instrument on it. */
  show(html) {
    const box = make("div", "");
    box.innerHTML = html;
    for (const card of box.querySelectorAll(".cir-card[data-instrument]")) {
      this.addActions(card, card.dataset.instrument, true);
    }
    const chosen = box.querySelector("[data-selected]");
    if (chosen) {
      this.addActions(chosen.querySelector(".cir-card"), chosen.dataset.selected, false);
      chosen.append(makeButton("\u00d7", () => this.acts.letGo(), "cir-map-close", "Close this instrument"));
    }
    this.fill(...box.childNodes);
  }

  addActions(card, id, canGo) {
    const row = this.data.rowOf.get(id);
    const place = card.querySelector(".cir-acts") ?? card.querySelector(".cir-name");
    if (row === undefined || !place) return;
    const actions = make("span", "cir-map-inline", this.parts.collect(row));
    if (canGo) {
      const title = `Go to ${this.data.name[row]} on the map`;
      const go = makeButton("", () => this.acts.select(row), "cir-map-go", title);
      go.innerHTML = TARGET;
      actions.append(go);
    }
    place.append(actions);
  }

  /** Replace the content; keep the keyboard focus on the card if it was there. */
  fill(...nodes) {
    const hadFocus = this.holder.contains(document.activeElement);
    this.holder.replaceChildren(...nodes);
    if (hadFocus) this.holder.focus();
  }
}
