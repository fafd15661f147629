/* The buttons on the map, and the switch between map and list. */

/** @param acts `hint(words)`, `viewed()`: the view has changed to map or list. */
const listenToTools = (root, view, state, acts) => {
  const lasso = root.querySelector("[data-tool=lasso]");
  const tools = {
    in: () => view.zoomBy(1.6),
    out: () => view.zoomBy(1 / 1.6),
    fit: () => view.fit(),
    lasso: () => {
      state.lassoing = !state.lassoing;
      lasso.setAttribute("aria-pressed", String(state.lassoing));
      root.querySelector(".cir-map-stage").classList.toggle("is-lassoing", state.lassoing);
      if (state.lassoing) acts.hint("Draw around points to add them to the playlist");
    },
  };
  for (const button of root.querySelectorAll("[data-tool]")) {
    button.addEventListener("click", () => tools[button.dataset.tool]());
  }
  const switches = [...root.querySelectorAll("[data-view]")];
  for (const button of switches) {
    button.addEventListener("click", () => {
      const asList = button.dataset.view === "list";
      for (const other of switches) other.setAttribute("aria-pressed", String(other === button));
      root.querySelector(".cir-map-frame").hidden = asList;
      root.querySelector(".cir-map-list").hidden = !asList;
      root.classList.toggle("is-list", asList);
      acts.viewed();
    });
  }
};
