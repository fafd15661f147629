/* Keeps example, form and open tab in the page's address, so that it can be shared:
   ?example=3&families=bass,piano&top_k=5&tab=search. */
(() => {
  const CHOICES = ["families", "top_k", "text", "bank", "source", "licence", "brightness", "attack", "noisiness"];
  let example = null;
  let chosen = null;

  const change = (edit) => {
    const query = new URLSearchParams(window.location.search);
    edit(query);
    const text = query.toString().replaceAll("%2C", ",");
    const { pathname, hash } = window.location;
    history.replaceState(history.state, "", `${pathname}${text && "?"}${text}${hash}`);
  };
  const write = () =>
    change((query) => {
      for (const name of ["example", ...CHOICES]) query.delete(name);
      if (example === null) return;
      query.set("example", example);
      CHOICES.forEach((name, number) => {
        const value = String(chosen?.[number] ?? "");
        if (value && value !== "0") query.set(name, value);
      });
    });

  const slug = (tab) => tab.textContent.trim().toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  const tabs = () => [...(document.querySelector("[role=tablist]")?.querySelectorAll("[role=tab]") ?? [])];
  const keepTab = (event) => {
    if (!event.target.closest?.("[role=tablist]")) return;
    setTimeout(() => {
      const open = tabs().find((tab) => tab.getAttribute("aria-selected") === "true");
      if (open) change((query) => query.set("tab", slug(open)));
    });
  };
  document.addEventListener("click", keepTab);
  document.addEventListener("keyup", keepTab);

  const wanted = new URLSearchParams(window.location.search).get("tab");
  const openTab = (triesLeft) => {
    const tab = tabs().find((one) => slug(one) === wanted);
    if (tab) tab.click();
    else if (triesLeft) setTimeout(openTab, 100, triesLeft - 1);
  };
  if (wanted) openTab(100);

  window.cirAddress = {
    /** The number of the example, from 1; null for an upload. */
    example(number) { example = number; write(); },
    /** Any other parameter; an empty text removes it. */
    keep(name, text) {
      change((query) => (text ? query.set(name, text) : query.delete(name)));
    },
    /** The values of the form, in the order of CHOICES. */
    choose(choices) { chosen = choices; write(); },
  };
})();
