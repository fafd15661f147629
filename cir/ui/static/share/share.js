/* Runs as js_on_load of the share buttons: copies a link to the answer, draws it as an image, and
   opens an answer whose link was followed. */
const NAME = "answer";
const shared = () => element.querySelector(".cir-share");

const link = () => {
  const { origin, pathname } = window.location;
  return `${origin}${pathname}#${NAME}=${shared().dataset.answer}`;
};
const WIDTH = 1200;
const HEIGHT = 630;
const MOST = 6;

/** The first match of each family, as the results show it. */
const rows = () =>
  [...document.querySelectorAll("#cir-results .cir-family")].slice(0, MOST).flatMap((family) => {
    const first = family.querySelector(".cir-match");
    if (!first) return [];
    const text = (selector) => first.querySelector(selector)?.textContent.trim() ?? "";
    return [{
      family: family.getAttribute("aria-label"),
      colour: family.style.getPropertyValue("--family"),
      name: text(".cir-name").replace(/^\d+\.\s*/, ""),
      place: text(".cir-row-name .cir-meta"),
      worth: text(".cir-score b"),
    }];
  });

const draw = () => {
  const canvas = document.createElement("canvas");
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  const pen = canvas.getContext("2d");
  const write = (text, x, y, { size, weight = 400, colour = "#e5e7eb", most = WIDTH - 120, align = "left" }) => {
    pen.font = `${weight} ${size}px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif`;
    pen.fillStyle = colour;
    pen.textAlign = align;
    let shown = text;
    while (shown.length > 1 && pen.measureText(shown).width > most) shown = `${shown.slice(0, -2)}\u2026`;
    pen.fillText(shown, x, y);
  };
  pen.fillStyle = "#14161d";
  pen.fillRect(0, 0, WIDTH, HEIGHT);
  write(document.querySelector(".cir-header h1")?.textContent ?? document.title, 60, 84, { size: 44, weight: 700, colour: "#ffffff" });
  write(shared().dataset.mix, 60, 128, { size: 24, colour: "#9ca3af" });
  const found = rows();
  const step = Math.min(120, (HEIGHT - 190) / Math.max(1, found.length));
  found.forEach((row, number) => {
    const y = 170 + step * number;
    pen.fillStyle = row.colour;
    pen.fillRect(60, y, 10, step - 16);
    write(row.family, 92, y + step * 0.25, { size: Math.min(20, step * 0.2), colour: "#9ca3af" });
    write(row.name, 92, y + step * 0.56, { size: Math.min(34, step * 0.32), weight: 650, colour: "#ffffff", most: 800 });
    write(row.place, 92, y + step * 0.8, { size: Math.min(20, step * 0.2), colour: "#9ca3af", most: 800 });
    write(row.worth, WIDTH - 60, y + step * 0.56, { size: Math.min(28, step * 0.28), weight: 600, align: "right", most: 240 });
  });
  return canvas;
};

const save = () => {
  draw().toBlob((image) => {
    const saving = document.createElement("a");
    saving.href = URL.createObjectURL(image);
    saving.download = "instruments.png";
    saving.click();
    setTimeout(() => URL.revokeObjectURL(saving.href), 1000);
  });
};

element.addEventListener("click", async ({ target }) => {
  const what = target.closest("[data-share]")?.dataset.share;
  if (what === "image") save();
  if (what !== "link") return;
  const copied = await window.cirKeys.copy(link());
  window.cirKeys.say(copied ? "Link copied: it opens this answer." : `This browser does not allow copying: ${link()}`);
});

/* An answer of an earlier link is not the one that is shown now. */
let following = false;
watch("value", () => {
  if (following) {
    following = false;
    return;
  }
  if (!shared() || !window.location.hash.startsWith(`#${NAME}=`)) return;
  if (window.location.hash !== `#${NAME}=${shared().dataset.answer}`) {
    history.replaceState(history.state, "", window.location.pathname + window.location.search);
  }
});
const open = () => {
  const text = window.location.hash.match(/^#answer=([\w-]+)$/)?.[1];
  following = Boolean(text);
  if (text) trigger("submit", { answer: text });
};
window.addEventListener("hashchange", open);
open();
