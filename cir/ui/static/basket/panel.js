/* Runs as js_on_load of the basket: sends what the browser keeps, and starts downloads. */
let isOpen = false;
/* The lists that were sent to be packed or searched by, which takes a while. */
let slow = null;
const details = () => element.querySelector("details");
/* Not "toggle", which also comes when rendering closes it. On a click, `open` is the state before it. */
element.addEventListener("click", ({ target }) => {
  if (details() && target.closest("summary")?.parentElement === details()) isOpen = !details().open;
});
element.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !details()?.open) return;
  isOpen = details().open = false;
  details().querySelector("summary").focus();
});
watch("value", () => {
  if (details()) details().open = isOpen;
  const isSlow = element.querySelector("[data-ready], [data-alike], .cir-message") !== null;
  const link = element.querySelector("[data-ready]");
  if (link) {
    link.removeAttribute("data-ready");
    link.click();
  }
  if (!isSlow) return;
  /* Lists that changed meanwhile were answered before, and this answer shows the old ones. */
  const isOld = slow !== null && slow !== window.cirBasket.kept;
  slow = null;
  if (isOld) window.cirBasket.again();
});
window.cirBasket.connect((lists) => {
  if (lists.do) slow = window.cirBasket.kept;
  trigger(lists.do ? "submit" : "click", lists);
});
