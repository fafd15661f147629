/* The points as the server sent them, and what can be asked of them without it. */

/** Fold case and accents, so that "pate" finds "Pâté". */
const folded = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

class MapData {
  /**
   * @param sent what `cir.ui.timbre_map.data.map_points` returns.
   * @param isWide whether the stage is wider than high. The axes mean nothing, so a map that lies
   *   the other way is given a quarter turn, and fills it better.
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
    const spots = sent.x.map((x, row) => this.spot(x / sent.places, sent.y[row] / sent.places));
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

  /** Where a spot of the stored map lies on this one. */
  spot(x, y) {
    return this.isTurned ? [y, -x] : [x, y];
  }

  word(column, row) {
    const { words, rows } = this.columns[column];
    return words[rows[row]];
  }

  label(row) {
    return this.families[this.family[row]].label;
  }

  /** Everything worth saying about a point but its sound. */
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

  /** Address of a point's sound; empty where it has none. */
  address(row) {
    return this.silent.has(row) ? "" : `${this.sounds}${encodeURIComponent(this.id[row])}.opus`;
  }

  /** Row of the point whose sound has this address; -1 where it is none of the map's. */
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

  /** Which points hold all of these words; null where there are no words. */
  matching(text) {
    const words = folded(text).split(/\s+/).filter(Boolean);
    if (!words.length) return null;
    return Uint8Array.from(this.folded, (facts) => (words.every((word) => facts.includes(word)) ? 1 : 0));
  }
}
