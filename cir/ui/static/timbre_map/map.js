/* Connects the parts of the map; runs as js_on_load of its component, after the other files. */

const root = element.querySelector(".cir-map");
const find = (selector) => root.querySelector(selector);
const stage = find(".cir-map-stage");

/** State that all parts read. The filter sets levels, order and stars. */
const state = {
  levels: new Uint8Array(0), order: new Uint32Array(0),
  allStars: [], stars: [], selected: -1, neighbours: [], cursor: -1, sounding: -1,
  playlist: [], lassoing: false, lasso: [],
};

let hintTimer = 0;
const hint = (words) => {
  const box = find(".cir-map-hint");
  box.textContent = words;
  box.hidden = false;
  clearTimeout(hintTimer);
  hintTimer = setTimeout(() => { box.hidden = true; }, 2500);
};
/** Announce to screen readers. */
const tell = (words) => { find(".cir-map-says").textContent = words; };
const say = (words) => { tell(words); hint(words); };

/** The page's address names the chosen instrument, so that a shared link opens it. */
const ADDRESS_KEY = "instrument";
const keepInAddress = (id) => {
  const address = new URL(location.href);
  if (id) address.searchParams.set(ADDRESS_KEY, id);
  else address.searchParams.delete(ADDRESS_KEY);
  history.replaceState(history.state, "", address);
};

const begin = (data) => {
  const parts = new MapParts(find("template.cir-map-play"), data, state, {
    choose: (row) => select(row),
    collect: (row) => collect(row),
  });
  const picture = new MapStage(stage, data, state, parts);
  const { view } = picture;

  /** Choose a point: play it at once, then ask the server for its nearest neighbours. */
  const select = (row) => {
    if (row < 0) return;
    if (row !== state.selected) show(row);
    window.cirPlayer.playIn(find(".cir-map-card"));
  };
  const show = async (row) => {
    Object.assign(state, { selected: row, neighbours: [] });
    keepInAddress(data.id[row]);
    card.begin(row);
    view.reveal(row);
    filter.apply();
    try {
      const answer = await server.select(data.id[row]);
      if (state.selected !== row) return; // another point was chosen in the meantime
      state.neighbours = data.rows(answer.neighbours);
      card.show(answer.card);
      filter.apply();
      tell(`${data.name[row]}. Most similar: ${state.neighbours.map((other) => data.name[other]).join(", ")}.`);
    } catch {
      say("The server did not answer; is it still running?");
    }
  };
  const letGo = () => {
    Object.assign(state, { selected: -1, neighbours: [], lasso: [] });
    keepInAddress(null);
    card.clear();
    picture.read(-1);
    filter.apply();
  };
  const collect = (row) => playlist.toggle(row);

  const card = new MapCard(find(".cir-map-card"), data, parts, { select, letGo });
  const list = new MapList(find(".cir-map-list"), data, state, parts, { rows: () => filter.rows() });
  let shown = "";
  const filter = new MapFilter(root, data, state, {
    changed: (rows) => {
      const now = rows.join();
      if (now === shown) list.mark();
      else {
        list.restart();
        if (filter.found && rows.length && !rows.some((row) => view.sees(row))) view.fit(rows);
      }
      shown = now;
      picture.draw();
    },
    next: (rows) => { if (rows.length) select(rows[(rows.indexOf(state.selected) + 1) % rows.length]); },
  });
  const playlist = new MapPlaylist(find(".cir-map-playlist"), data, state, parts, {
    changed: () => { parts.refresh(root); picture.draw(); },
    say,
  });
  find(".cir-map-add-found").addEventListener("click", () => playlist.add(filter.rows()));

  new MapPointer(stage, view, state, (...spot) => picture.nearest(...spot), {
    hover: (row) => picture.read(row),
    draw: () => picture.draw(),
    hint: () => hint("To zoom with the wheel, click the map first or hold Ctrl"),
    choose: (row) => { stage.focus({ preventScroll: true }); select(row); },
    collect,
    enclose: (polygon) => {
      const inside = filter.rows().filter((row) =>
        state.levels[row] > FAINT && isInside(polygon, ...view.pointOnScreen(row)));
      if (inside.length) playlist.add(inside);
      else say("No points in the lasso");
    },
  });
  listenToKeys(stage, view, state, {
    reachable: () => filter.rows(),
    start: () => picture.nearest(view.width / 2, view.height / 2, Infinity),
    goTo: (row) => {
      picture.read(row);
      view.reveal(row);
      tell(`${data.name[row]}, ${data.label(row)}, ${data.place(row)}, by ${data.author(row)}`);
    },
    choose: select,
    collect,
    letGo,
  });
  find(".cir-map-save").addEventListener("click", () => {
    hint("Preparing the file (about 5 MB)");
    trigger("save");
  });
  listenToTools(root, view, state, {
    hint,
    viewed: () => { list.show(); picture.draw(); },
  });

  /** Show the last search: its stars, and a button per star that goes to it. */
  const showStars = () => {
    const sent = Array.isArray(props.value) ? props.value : [];
    state.allStars = sent.map((star) => {
      const [x, y] = data.spot(star.x, star.y);
      return { ...star, x, y, rows: data.rows(star.matches) };
    });
    const chips = state.allStars.map((star) => {
      const chip = makeButton(`\u2605 ${star.label}`, () => view.fit(star.rows), "cir-map-star");
      chip.style.setProperty("--family", star.colour);
      chip.title = `Show the matches for ${star.label}`;
      return chip;
    });
    find(".cir-map-stars").replaceChildren(make("span", "cir-map-label", "Your mix, by family:"), ...chips);
    find(".cir-map-stars").hidden = !chips.length;
    filter.apply();
    list.show();
  };
  watch("value", showStars);
  showStars();
  const asked = data.rowOf.get(new URL(location.href).searchParams.get(ADDRESS_KEY));
  if (asked !== undefined) show(asked); // without sound: browsers refuse it before a click

  /* Events of the page's player; the listeners end with the map. */
  const gone = new AbortController();
  const hear = (type, act) => document.addEventListener(type, (event) => {
    if (!element.isConnected) return gone.abort();
    if (event.target.id === "cir-audio") act(data.rowOfSound(event.target.currentSrc));
  }, { capture: true, signal: gone.signal });
  const sound = (row) => { state.sounding = row; picture.draw(); };
  hear("playing", (row) => { sound(row); playlist.heard(row); });
  hear("pause", () => sound(-1));
  hear("ended", (row) => { sound(-1); playlist.ended(row); });

  window.cirMap = {
    /** The position of an instrument in the window, in pixels. */
    placeOf: (id) => {
      const box = stage.getBoundingClientRect();
      const [x, y] = view.pointOnScreen(data.rowOf.get(id));
      return [box.left + x, box.top + y];
    },
  };
  root.classList.add("is-ready");
};

const refuse = (reason) => {
  console.error(reason);
  const box = make("div", "cir-message", "The map could not be loaded. Reload the page.");
  box.setAttribute("role", "alert");
  stage.replaceChildren(box);
};

server.points(null)
  .then((sent) => begin(new MapData(sent, stage.clientWidth > stage.clientHeight)))
  .catch(refuse);
