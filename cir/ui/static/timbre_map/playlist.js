/* The playlist: sounds to play in turn, copy or save. The browser stores it as a list of ids. */

const PLAYLIST_LIMIT = 200;
const PLAYLIST_KEY = "cir-playlist";

class MapPlaylist {
  /** @param acts `changed()`, `say(words)`. */
  constructor(root, data, state, parts, acts) {
    Object.assign(this, { root, data, state, parts, acts });
    this.songs = root.querySelector(".cir-map-songs");
    this.turn = -1;
    const doing = {
      play: () => (this.turn < 0 ? this.play(0) : this.stop()),
      copy: () => this.copy(),
      m3u: () => this.save("playlist.m3u", this.asM3u(), "audio/x-mpegurl"),
      csv: () => this.save("playlist.csv", this.asCsv(), "text/csv"),
      clear: () => this.set([]),
    };
    for (const button of root.querySelectorAll("[data-do]")) {
      button.addEventListener("click", () => doing[button.dataset.do]());
    }
    state.playlist = data.rows(MapPlaylist.remembered());
    this.show();
  }

  static remembered() {
    try {
      const ids = JSON.parse(localStorage.getItem(PLAYLIST_KEY) ?? "[]");
      return Array.isArray(ids) ? ids : [];
    } catch {
      return []; // no storage in this browser, or another format
    }
  }

  set(rows) {
    this.state.playlist = rows;
    if (!rows.length) this.stop();
    try {
      localStorage.setItem(PLAYLIST_KEY, JSON.stringify(rows.map((row) => this.data.id[row])));
    } catch { /* without storage it lasts until the page is closed */ }
    this.show();
    this.acts.changed();
  }

  toggle(row) {
    const inside = this.state.playlist.includes(row);
    if (inside) this.set(this.state.playlist.filter((other) => other !== row));
    else this.add([row]);
    if (inside) this.acts.say(`${this.data.name[row]} removed from the playlist`);
  }

  /** Add points that are not there yet, up to the limit, and report the result. */
  add(rows) {
    const inside = new Set(this.state.playlist);
    const fresh = rows.filter((row) => !inside.has(row));
    const room = PLAYLIST_LIMIT - inside.size;
    this.set([...this.state.playlist, ...fresh.slice(0, room)]);
    const added = Math.min(fresh.length, room);
    const what = added === 1 ? this.data.name[fresh[0]] : `${spaced(added)} instruments`;
    const rest = fresh.length - added;
    const full = rest ? `; ${spaced(rest)} not added, the playlist holds ${PLAYLIST_LIMIT}` : "";
    this.acts.say(fresh.length || !rows.length ? `${what} added to the playlist${full}` : "Already in the playlist");
  }

  show() {
    const { playlist } = this.state;
    this.songs.replaceChildren(...playlist.map((row) => this.song(row)));
    this.root.querySelector(".cir-map-total").textContent = playlist.length ? spaced(playlist.length) : "";
    this.root.querySelector(".cir-map-none").hidden = playlist.length > 0;
    this.root.querySelector(".cir-map-actions").hidden = !playlist.length;
  }

  song(row) {
    const title = `Remove ${this.data.name[row]} from the playlist`;
    const remove = makeButton("\u00d7", () => this.remove(row), "cir-map-remove", title);
    const words = make("div", "", this.parts.name(row), this.parts.family(row));
    const item = make("li", "", this.parts.play(row), words, remove);
    item.dataset.instrument = this.data.id[row];
    return item;
  }

  /** Remove a song and move the keyboard focus to the next one. */
  remove(row) {
    const place = this.state.playlist.indexOf(row);
    this.toggle(row);
    const buttons = this.songs.querySelectorAll(".cir-map-remove");
    buttons[Math.min(place, buttons.length - 1)]?.focus();
  }

  play(turn) {
    const { playlist } = this.state;
    while (turn < playlist.length && !this.data.address(playlist[turn])) turn += 1;
    this.turn = turn < playlist.length ? turn : -1;
    this.showPlaying();
    if (this.turn < 0) return;
    window.cirPlayer.playIn(this.songs.children[turn]);
    this.songs.scrollTop = this.songs.children[turn].offsetTop - this.songs.offsetTop; // scrolls the list alone
  }

  stop() {
    this.turn = -1;
    this.showPlaying();
    document.querySelector("#cir-audio")?.pause();
  }

  showPlaying() {
    const button = this.root.querySelector("[data-do=play]");
    button.setAttribute("aria-pressed", String(this.turn >= 0));
    button.textContent = this.turn >= 0 ? "Stop" : "Play all";
  }

  /** A sound has started: if it is not the playlist's, the playlist stops. */
  heard(row) {
    if (this.turn < 0 || this.state.playlist[this.turn] === row) return;
    this.turn = -1;
    this.showPlaying();
  }

  ended(row) {
    if (this.turn >= 0 && this.state.playlist[this.turn] === row) this.play(this.turn + 1);
  }

  asText() {
    return this.state.playlist
      .map((row) => `${this.data.name[row]} (${this.data.label(row)}; ${this.data.place(row)}; by ${this.data.author(row)})`)
      .join("\n");
  }

  asM3u() {
    const songs = this.state.playlist
      .filter((row) => this.data.address(row))
      .map((row) => `#EXTINF:-1,${this.data.author(row)} - ${this.data.name[row]}\n${this.fullAddress(row)}`);
    return ["#EXTM3U", ...songs, ""].join("\n");
  }

  asCsv() {
    const quoted = (value) => `"${String(value).replaceAll('"', '""')}"`;
    const rows = this.state.playlist.map((row) => ({ ...this.data.facts(row), preview: this.fullAddress(row) }));
    const lines = rows.map((row) => Object.values(row).map(quoted).join(","));
    return [Object.keys(rows[0]).join(","), ...lines, ""].join("\r\n");
  }

  fullAddress(row) {
    const address = this.data.address(row);
    return address && new URL(address, document.baseURI).href;
  }

  async copy() {
    try {
      await navigator.clipboard.writeText(this.asText());
      this.acts.say(`${spaced(this.state.playlist.length)} names copied`);
    } catch {
      this.acts.say("This browser does not allow copying; save the playlist instead");
    }
  }

  save(name, text, type) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    this.acts.say(`${name} saved`);
  }
}
