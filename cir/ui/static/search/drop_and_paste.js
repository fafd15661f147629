/* Puts a file that is dropped or pasted anywhere on the Search tab into its form, and says at once
   that something happens. */
(() => {
  const isOpen = () => document.querySelector("#cir-find")?.offsetParent;
  /* The field is missing while the page loads, and while Gradio shows another file in its place. */
  const take = ([file], triesLeft = 600) => {
    if (!file) return;
    const input = document.querySelector("#cir-mix input[type=file]");
    if (!input) {
      if (triesLeft) setTimeout(take, 100, [file], triesLeft - 1);
      return;
    }
    const one = new DataTransfer();
    one.items.add(file);
    input.files = one.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const carriesFile = (event) => isOpen() && event.dataTransfer?.types.includes("Files");

  document.addEventListener("dragover", (event) => {
    if (!carriesFile(event)) return;
    document.body.classList.add("cir-dragging");
    event.preventDefault();
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("cir-dragging");
  });
  document.addEventListener("drop", () => document.body.classList.remove("cir-dragging"), true);
  /* Drops on a zone of Gradio's do not arrive here. */
  document.addEventListener("drop", (event) => {
    if (!carriesFile(event)) return;
    event.preventDefault();
    take(event.dataTransfer.files);
  });
  document.addEventListener("paste", (event) => {
    if (!isOpen() || !event.clipboardData?.files.length) return;
    event.preventDefault();
    take(event.clipboardData.files);
  });
  document.addEventListener("change", ({ target }) => {
    const file = target.matches?.("#cir-mix input[type=file]") && target.files[0];
    if (file) window.cirKeys.say(`Reading ${file.name}\u2026`);
  }, true);
  document.addEventListener("click", ({ target }) => {
    if (target.closest?.("#cir-examples button, #cir-find")) window.cirKeys.say("Searching\u2026");
  });
})();
