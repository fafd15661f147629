/* Runs as js_on_load of the results: brings them into view where they lie below the fold, when a
   search starts (its progress shows there) and when it is done. */
const bringIntoView = () => {
  if (element.getBoundingClientRect().top > 0.6 * window.innerHeight) {
    element.scrollIntoView({ behavior: "smooth", block: "start" });
  }
};
document.addEventListener("click", (event) => {
  const asked = event.target instanceof Element && event.target.closest("#cir-find, #cir-examples button");
  if (asked) setTimeout(bringIntoView, 50);
});
watch("value", () => {
  if (element.querySelector(".cir-family, .cir-message")) bringIntoView();
});
