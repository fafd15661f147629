/* Runs as js_on_load of the tab's introduction: a link to a quiz opens the quiz. Gradio may redraw
   the accordion closed, so check until it stays open. */
if (new URLSearchParams(window.location.search).has("quiz")) {
  const open = (triesLeft, stayed) => {
    const header = document.querySelector("#cir-learn-quiz button.label-wrap");
    const isOpen = header?.classList.contains("open");
    if (header && !isOpen) {
      header.click();
      header.scrollIntoView({ block: "start" });
    }
    const still = isOpen ? stayed + 1 : 0;
    if (triesLeft && still < 5) setTimeout(open, 200, triesLeft - 1, still);
  };
  open(100, 0);
}
