/* The points as the server sent them, and look-ups that need no further request. */

/** Fold case and accents, so that "pate" finds "Pâté". */
const folded = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

class MapData {
  /**
   * @param sent the result of `cir.ui.timbre_map.map_json.map_points`.
   * @param isWide whether the stage is wider than high. The axes have no meaning, so a map of the other
   *   orientation is turned by 90 degrees to fill it.
   */
  constructor(sent, isWide) {
    this.size = sent.id.length;
    this.id = sent.id;
    this.name = sent.name;
    this.families = sent.families;
    this.family = Uint8Array.from(sent.family);
    const extent = (values) => {
      const sorted = Float64Array.from(values).sort();
      return sorted.at(-1) - sorted[0];
    };
    this.isTurned = extent(sent.x) > extent(sent.y) !== isWide;
    const spots = sent.x.map((x, row) => this.spot(x, sent.y[row]));
    this.x = Float32Array.from(spots, ([x]) => x);
    this.y = Float32Array.from(spots, ([, y]) => y);
    this.columns = { category: sent.category, bank: sent.bank, author: sent.author, licence: sent.licence };
    this.sounds = sent.sounds;
    this.silent = new Set(sent.silent);
    this.rowOf = new Map(sent.id.map((id, row) => [id, row]));
    this.byName = Uint32Array.from(sent.id.keys()).sort((one, other) => this.compareNames(one, other));
    this.folded = sent.id.map((_, row) =>
      folded([sent.name[row], this.label(row), this.place(row), this.word("author", row)].join("\n")));
  }

  /** Convert a position of the stored map. */
  spot(x, y) {
    return this.isTurned ? [y, -x] : [x, y];
  }

  word(column, row) {
    return this.columns[column][row];
  }

  label(row) {
    return this.families[this.family[row]].label;
  }

  /** All columns of a point. */
  facts(row) {
    const words = Object.fromEntries(Object.keys(this.columns).map((column) => [column, this.word(column, row)]));
    return { id: this.id[row], name: this.name[row], family: this.label(row), ...words };
  }

  /** Category and bank, with a dot between. */
  place(row) {
    return [this.word("category", row), this.word("bank", row)].filter(Boolean).join(" \u00b7 ");
  }

  author(row) {
    return this.word("author", row) || "author unknown";
  }

  /** The address of a point's sound; empty if it has none. */
  address(row) {
    return this.silent.has(row) ? "" : `${this.sounds}${encodeURIComponent(this.id[row])}.opus`;
  }

  /** The row of the point whose sound has this address, or -1. */
  rowOfSound(address) {
    const id = decodeURIComponent(address.split("/").pop()).replace(/\.opus$/, "");
    return this.rowOf.get(id) ?? -1;
  }

  rows(ids) {
    return ids.map((id) => this.rowOf.get(id)).filter((row) => row !== undefined);
  }

  compareNames(one, other) {
    return this.name[one].localeCompare(this.name[other], "en", { sensitivity: "base" }) || one - other;
  }

  /** For each point, whether its facts contain all words; null without words. */
  matching(text) {
    const words = folded(text).split(/\s+/).filter(Boolean);
    if (!words.length) return null;
    return Uint8Array.from(this.folded, (facts) => (words.every((word) => facts.includes(word)) ? 1 : 0));
  }
}
