/* Runs as js_on_load of the tab's introduction: a link to a quiz opens the quiz. */
if (new URLSearchParams(window.location.search).has("quiz")) {
  const open = () => {
    const header = document.querySelector("#cir-learn-quiz button");
    if (!header) return setTimeout(open, 200);
    header.click();
    header.scrollIntoView({ block: "start" });
  };
  open();
}
