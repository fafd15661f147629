/* What the visitor collects: the basket, for this visit and in the page's address, and favourites,
   which this browser keeps. Also files that leave the page: downloads by dragging, and the file
   manager. */
(() => {
  const BASKET = "cir-basket";
  const FAVOURITES = "cir-favourites";
  const MOST = 200;
  const read = (storage, key) => {
    try {
      const kept = JSON.parse(storage().getItem(key) ?? "[]");
      return Array.isArray(kept) ? kept.filter(({ id }) => typeof id === "string").slice(0, MOST) : [];
    } catch {
      return [];
    }
  };
  const write = (storage, key, list) => {
    try { storage().setItem(key, JSON.stringify(list)); } catch { /* no storage: until reload */ }
  };
  const visit = () => sessionStorage;
  const browser = () => localStorage;

  const lists = { basket: read(visit, BASKET), favourite: read(browser, FAVOURITES) };
  const inAddress = new URLSearchParams(window.location.search).get("basket")?.split(".") ?? [];
  for (const id of inAddress.filter((one) => /^[a-z0-9-]{1,140}$/.test(one)).slice(0, MOST)) {
    if (!lists.basket.some((one) => one.id === id)) lists.basket.push({ id });
  }

  let listener = null;
  const request = (extra = {}) =>
    listener?.({ basket: lists.basket, favourites: lists.favourite, ...extra });
  const has = (kind, id) => lists[kind].some((one) => one.id === id);
  const WORDS = { basket: ["Add to basket", "In the basket"], favourite: ["Favourite", "Favourite"] };

  const show = () => {
    for (const button of document.querySelectorAll(".cir-acts [data-act=basket], .cir-acts [data-act=favourite]")) {
      const isIn = has(button.dataset.act, button.dataset.id);
      if (button.getAttribute("aria-pressed") === String(isIn)) continue;
      button.setAttribute("aria-pressed", String(isIn));
      button.querySelector("[data-words]").textContent = WORDS[button.dataset.act][Number(isIn)];
    }
  };
  const keep = () => {
    write(visit, BASKET, lists.basket);
    write(browser, FAVOURITES, lists.favourite);
    /* Own sounds mean nothing to other visitors. */
    const ids = lists.basket.map(({ id }) => id).filter((id) => !id.startsWith("own-"));
    window.cirAddress.keep("basket", ids.join("."));
    show();
    request();
  };

  const passage = () => {
    const whole = document.querySelector("#cir-panel [data-act=whole]");
    return whole && !whole.hidden ? (document.querySelector("#cir-panel [data-passage]")?.textContent ?? "") : "";
  };
  const entryOf = ({ dataset }) => ({
    id: dataset.id,
    similarity: dataset.similarity ? Number(dataset.similarity) : null,
    query: document.querySelector("#cir-panel .cir-mix .cir-name")?.textContent.trim().slice(0, 300) ?? "",
    passage: passage().slice(0, 300),
    at: new Date().toISOString(),
  });
  const toggle = (kind, button) => {
    const { id } = button.dataset;
    if (has(kind, id)) lists[kind] = lists[kind].filter((one) => one.id !== id);
    else if (lists[kind].length < MOST) lists[kind].push(entryOf(button));
    else window.cirKeys.say(`There is room for ${MOST} sounds; take some out first.`);
    keep();
  };

  const save = (name, text) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "audio/x-mpegurl" }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  const playlist = () => {
    const lines = ["#EXTM3U"];
    for (const card of document.querySelectorAll(".cir-basket-list [data-wav]")) {
      if (!card.dataset.wav) continue;
      const name = card.querySelector(".cir-name").textContent;
      lines.push(`#EXTINF:-1,${name}`, new URL(card.dataset.wav, document.baseURI).href);
    }
    save("sounds.m3u", `${lines.join("\n")}\n`);
  };

  const ACTS = {
    zip: () => request({ do: "zip" }),
    like: () => request({ do: "like" }),
    playlist,
    empty() { lists.basket = []; keep(); },
    collect() {
      for (const one of lists.favourite) if (!has("basket", one.id) && lists.basket.length < MOST) lists.basket.push(one);
      keep();
    },
  };

  const reveal = async (path) => {
    const reply = await fetch("take/reveal", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ of: path }),
    });
    window.cirKeys.say(reply.ok ? "Shown in the file manager." : await reply.text());
  };

  document.addEventListener("click", ({ target }) => {
    const button = target instanceof Element && target.closest("[data-act], [data-basket]");
    if (!button) return;
    const { act, basket, path } = button.dataset;
    if (basket) ACTS[basket]();
    else if (act === "basket" || act === "favourite") toggle(act, button);
    else if (act === "reveal") reveal(path);
  });

  /* Chromium writes what DownloadURL names where it is dropped: the desktop, a folder, a DAW. Other
     browsers drop the address, for which there is the download itself. */
  document.addEventListener("dragstart", ({ target, dataTransfer }) => {
    const card = target instanceof Element && target.closest(".cir-match, a[data-act=download]");
    const link = card && (card.matches("a") ? card : card.querySelector("a[data-act=download]"));
    if (!link || !dataTransfer) return;
    dataTransfer.effectAllowed = "copy";
    dataTransfer.setData("DownloadURL", `audio/wav:${link.download}:${link.href}`);
    dataTransfer.setData("text/uri-list", link.href);
    dataTransfer.setData("text/plain", link.href);
  });

  const click = (act) => (card) => card.querySelector(`[data-act=${act}]`)?.click();
  window.cirKeys.add("a", click("basket"));
  window.cirKeys.add("f", click("favourite"));
  window.cirKeys.add("d", click("download"));

  new MutationObserver(show).observe(document, {
    childList: true, characterData: true, subtree: true, attributeFilter: ["data-id"],
  });

  window.cirBasket = {
    /** Send what is kept to the server, now and whenever it changes. */
    connect(send) {
      listener = send;
      if (lists.basket.length || lists.favourite.length) request();
    },
    /** Send it once more if it names sounds of the visitor, which may be there now. */
    own() { if (Object.values(lists).flat().some(({ id }) => id.startsWith("own-"))) request(); },
    /** What is kept, to compare with what an answer is about. */
    get kept() { return JSON.stringify([lists.basket, lists.favourite]); },
    again() { request(); },
  };
})();
