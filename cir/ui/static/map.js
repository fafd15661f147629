/* Wires the map up; runs as js_on_load of its component, after the files that define the parts. */

const root = element.querySelector(".cir-map");
const find = (selector) => root.querySelector(selector);
const stage = find(".cir-map-stage");

/** What every part may look at. Only `filter` changes levels and order, only `playlist` itself. */
const state = {
  levels: new Uint8Array(0), order: new Uint32Array(0),
  allStars: [], stars: [], selected: -1, neighbours: [], cursor: -1, sounding: -1,
  playlist: [], lassoing: false, lasso: [],
};

const say = (words) => { find(".cir-map-says").textContent = words; hint(words); };
let hintTimer = 0;
const hint = (words) => {
  const box = find(".cir-map-hint");
  box.textContent = words;
  box.hidden = false;
  clearTimeout(hintTimer);
  hintTimer = setTimeout(() => { box.hidden = true; }, 2500);
};

const begin = (data) => {
  let points = null;
  let frame = 0;
  let look = null;
  const sprites = new MapSprites(data.families);

  /** Drawing is asked for at will, and done once for each picture of the screen. */
  const draw = () => { if (!frame) frame = requestAnimationFrame(paint); };
  const view = new MapView(data, draw);
  const overlay = new MapOverlay(find(".cir-map-overlay"), data, view, state);
  const paint = () => {
    frame = 0;
    if (!stage.clientWidth) return;
    look ??= readTheme();
    look.ratio = window.devicePixelRatio || 1;
    look.radius = pointRadius();
    for (const canvas of [points.canvas, overlay.canvas]) {
      const [wide, high] = [Math.round(view.width * look.ratio), Math.round(view.height * look.ratio)];
      if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
    }
    sprites.prepare(look.radius * look.ratio, look.background);
    points.draw(view, sprites, look.ratio);
    overlay.draw(look);
    placeTip();
  };
  points = makePoints(find(".cir-map-points"), data, draw);

  const readTheme = () => {
    const style = getComputedStyle(root);
    const colour = (name) => style.getPropertyValue(name).trim();
    return {
      text: colour("--body-text-color"), background: colour("--background-fill-primary"),
      accent: colour("--color-accent"), font: style.fontFamily,
    };
  };
  const pointRadius = () => {
    const base = (view.width < 500 ? 3.4 : 4.4) * (data.size > 6000 ? 0.75 : 1);
    return Math.min(base * Math.max(view.zoom, 1) ** 0.32, 10);
  };

  const nearest = (x, y, reach) => {
    let best = -1;
    let least = reach;
    for (const row of state.order) {
      const [px, py] = view.pointOnScreen(row);
      const away = Math.hypot(px - x, py - y) + (state.levels[row] === FAINT ? 4 : 0);
      if (away <= least) [best, least] = [row, away];
    }
    return best;
  };

  /* Reading */
  const tip = find(".cir-map-tip");
  const placeTip = () => {
    tip.hidden = state.cursor < 0;
    if (tip.hidden) return;
    const [x, y] = view.pointOnScreen(state.cursor);
    const left = Math.min(Math.max(x - tip.offsetWidth / 2, 4), view.width - tip.offsetWidth - 4);
    const above = y - tip.offsetHeight - 14;
    tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(above > 4 ? above : y + 16)}px)`;
  };
  const read = (row) => {
    if (row === state.cursor) return;
    state.cursor = row;
    stage.classList.toggle("is-over", row >= 0);
    if (row >= 0) {
      const name = parts.small(data.name[row], "cir-map-tip-name");
      tip.replaceChildren(name, parts.family(row), parts.small(data.place(row), ""), parts.small(`by ${data.author(row)}`, ""), ...parts.marks(row));
    }
    draw();
  };

  /* Hearing, and what sounds like it */
  const select = async (row) => {
    if (row < 0) return;
    if (row === state.selected) return window.cirPlayer.playIn(find(".cir-map-card"));
    state.selected = row;
    state.neighbours = [];
    card.begin(row);
    window.cirPlayer.playIn(find(".cir-map-card"));
    view.reveal(row);
    filter.apply();
    try {
      const answer = await server.select(data.id[row]);
      if (state.selected !== row) return; // another one was chosen meanwhile
      state.neighbours = data.rows(answer.neighbours);
      card.show(answer.card);
      filter.apply();
      const names = state.neighbours.map((other) => data.name[other]).join(", ");
      find(".cir-map-says").textContent = `${data.name[row]}. Sounds most like it: ${names}.`;
    } catch {
      say("The server did not answer; is it still running?");
    }
  };
  const letGo = () => {
    Object.assign(state, { selected: -1, neighbours: [], lasso: [] });
    card.clear();
    read(-1);
    filter.apply();
  };
  const collect = (row) => playlist.toggle(row);

  const parts = new MapParts(find("template.cir-map-play"), data, state, { choose: (row) => select(row), collect });
  const card = new MapCard(find(".cir-map-card"), data, parts, { select, letGo });
  const list = new MapList(find(".cir-map-list"), data, state, parts, { rows: () => filter.rows() });
  let shown = "";
  const filter = new MapFilter(root, data, state, {
    changed: (rows) => {
      points.arrange(state.order, state.levels);
      const now = rows.join();
      if (now !== shown && filter.found && rows.length && !rows.some((row) => view.sees(row))) view.fit(rows);
      if (now !== shown) list.restart();
      else list.mark();
      shown = now;
      draw();
    },
    next: (rows) => { if (rows.length) select(rows[(rows.indexOf(state.selected) + 1) % rows.length]); },
  });
  const playlist = new MapPlaylist(find(".cir-map-playlist"), data, state, parts, {
    changed: () => { parts.refresh(root); draw(); },
    say,
  });
  find(".cir-map-add-found").addEventListener("click", () => playlist.add(filter.rows()));

  new MapPointer(stage, view, state, nearest, {
    hover: read,
    draw,
    hint: () => hint("Click the map, or hold Ctrl, and the wheel zooms"),
    choose: (row) => { stage.focus({ preventScroll: true }); select(row); },
    collect,
    enclose: (polygon) => {
      const inside = filter.rows().filter((row) => state.levels[row] > FAINT && isInside(polygon, ...view.pointOnScreen(row)));
      if (inside.length) playlist.add(inside);
      else say("No point in this lasso");
    },
  });
  listenToKeys(stage, view, state, {
    reachable: () => filter.rows(),
    start: () => nearest(view.width / 2, view.height / 2, Infinity),
    goTo: (row) => {
      read(row);
      view.reveal(row);
      find(".cir-map-says").textContent = `${data.name[row]}, ${data.label(row)}, ${data.place(row)}, by ${data.author(row)}`;
    },
    choose: select,
    collect,
    letGo,
  });

  /* Tools */
  const lassoButton = find("[data-tool=lasso]");
  const tools = {
    in: () => view.zoomBy(1.6),
    out: () => view.zoomBy(1 / 1.6),
    fit: () => view.fit(),
    lasso: () => {
      state.lassoing = !state.lassoing;
      lassoButton.setAttribute("aria-pressed", String(state.lassoing));
      stage.classList.toggle("is-lassoing", state.lassoing);
      if (state.lassoing) hint("Draw round the points for your playlist");
    },
  };
  for (const button of root.querySelectorAll("[data-tool]")) {
    button.addEventListener("click", () => tools[button.dataset.tool]());
  }
  for (const button of root.querySelectorAll("[data-view]")) {
    button.addEventListener("click", () => {
      const asList = button.dataset.view === "list";
      for (const other of root.querySelectorAll("[data-view]")) other.setAttribute("aria-pressed", String(other === button));
      find(".cir-map-frame").hidden = asList;
      find(".cir-map-list").hidden = !asList;
      root.classList.toggle("is-list", asList);
      list.show();
      draw();
    });
  }

  /* The last search */
  const showStars = () => {
    const sent = Array.isArray(props.value) ? props.value : [];
    state.allStars = sent.map((star) => {
      const [x, y] = data.spot(star.x, star.y);
      return { ...star, x, y, rows: data.rows(star.matches) };
    });
    const chips = state.allStars.map((star) => {
      const chip = parts.button(`\u2605 ${star.label}`, () => view.fit(star.rows), "cir-map-star");
      chip.style.setProperty("--family", star.colour);
      chip.title = `Go to the matches for ${star.label}`;
      return chip;
    });
    find(".cir-map-stars").replaceChildren(parts.small("Your mix, as heard for", "cir-map-label"), ...chips);
    find(".cir-map-stars").hidden = !chips.length;
    filter.apply();
    list.show();
  };
  watch("value", showStars);

  /* The world around: size, theme, sounds. What listens outside goes when the map does. */
  new ResizeObserver(() => { if (stage.clientWidth) view.resize(stage.clientWidth, stage.clientHeight); }).observe(stage);
  const gone = new AbortController();
  const hear = (type, act) => document.addEventListener(type, (event) => {
    if (!element.isConnected) return gone.abort();
    if (event.target.id === "cir-audio") act(data.rowOfSound(event.target.currentSrc));
  }, { capture: true, signal: gone.signal });
  const sound = (row) => { state.sounding = row; draw(); };
  hear("playing", (row) => { sound(row); playlist.heard(row); });
  hear("pause", () => sound(-1));
  hear("ended", (row) => { sound(-1); playlist.ended(row); });
  const themes = new MutationObserver(() => {
    if (!element.isConnected) return themes.disconnect();
    look = null;
    draw();
  });
  for (const watched of [document.documentElement, document.body]) themes.observe(watched, { attributeFilter: ["class"] });

  showStars();
  window.cirMap = {
    /** Choose an instrument by its id: go there, hear it, show its neighbours. */
    select: (id) => select(data.rowOf.get(id) ?? -1),
    /** Where it lies in the window, in pixels. */
    placeOf: (id) => {
      const box = stage.getBoundingClientRect();
      const [x, y] = view.pointOnScreen(data.rowOf.get(id));
      return [box.left + x, box.top + y];
    },
    paint,
  };
  root.classList.add("is-ready");
};

server.points(null).then((sent) => begin(new MapData(sent, stage.clientWidth > stage.clientHeight))).catch((reason) => {
  console.error(reason);
  const box = document.createElement("div");
  box.className = "cir-message";
  box.setAttribute("role", "alert");
  box.textContent = "The map could not be loaded. Reload the page.";
  stage.replaceChildren(box);
});
