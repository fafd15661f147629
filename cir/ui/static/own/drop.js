/* Runs as js_on_load of the drop zone: uploads the usable files of dropped or chosen files and
   folders, and sends their original places to the server. */
const zone = element.querySelector(".cir-drop");
const state = element.querySelector(".cir-drop-state");
const SUFFIXES = zone.dataset.suffixes.split(" ");
const MAX_FILES = 1000;
const AT_ONCE = 4;

const isUsable = ({ name }) => SUFFIXES.some((suffix) => name.toLowerCase().endsWith(suffix));

const filesIn = async (entry, folder) => {
  if (entry.isFile) {
    const file = await new Promise((done, fail) => entry.file(done, fail));
    return [{ file, inside: folder + file.name }];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    /* A folder is read in batches of a hundred entries. */
    const entries = await new Promise((done, fail) => reader.readEntries(done, fail));
    if (!entries.length) return found;
    for (const one of entries) found.push(...(await filesIn(one, `${folder}${entry.name}/`)));
  }
};

/* What went wrong since the zone was last idle, so that the next folder does not hide it. */
let problems = [];
const say = (progress) => { state.textContent = [...problems, progress].filter(Boolean).join(" "); };

const sendNow = async (all, fromFolder) => {
  /* Files chosen one by one are all sent; the server reports unusable ones. */
  const wanted = all.filter(({ file }) => !file.name.startsWith(".") && (!fromFolder || isUsable(file)));
  if (!wanted.length) {
    if (all.length) problems.push("No usable sounds found.");
    return;
  }
  if (wanted.length > MAX_FILES) {
    problems.push(`${wanted.length} files are more than the ${MAX_FILES} that can be added at once; add them in parts or as one zip.`);
    return;
  }
  const sent = [];
  const waiting = [...wanted.entries()];
  let problem = "";
  const work = async () => {
    while (waiting.length && !problem) {
      const [position, { file, inside }] = waiting.shift();
      try {
        const { path } = await upload(file);
        sent.push({ position, path, inside });
        say(`Uploading, ${sent.length} of ${wanted.length}`);
      } catch (reason) {
        problem = `${file.name} could not be uploaded (${reason?.message ?? reason}); is it larger than this page allows?`;
      }
    }
  };
  say(`Uploading, 0 of ${wanted.length}`);
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (problem) {
    problems.push(problem);
    return;
  }
  sent.sort((one, other) => one.position - other.position);
  trigger("upload", { files: sent.map(({ path, inside }) => ({ path, inside })) });
};

/* One after the other: what is dropped during an upload waits for its end. */
let last = Promise.resolve();
let nWaiting = 0;
const send = (all, fromFolder) => {
  if (!nWaiting) problems = [];
  nWaiting += 1;
  zone.classList.add("is-busy");
  last = last
    .then(() => sendNow(all, fromFolder))
    .catch((reason) => problems.push(String(reason?.message ?? reason)))
    .then(() => {
      nWaiting -= 1;
      if (!nWaiting) zone.classList.remove("is-busy");
      say("");
    });
};

for (const button of element.querySelectorAll("[data-pick]")) {
  const input = element.querySelector(`[data-input="${button.dataset.pick}"]`);
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const all = [...input.files].map((file) => ({ file, inside: file.webkitRelativePath || file.name }));
    input.value = "";
    send(all, button.dataset.pick === "folder");
  });
}

zone.addEventListener("dragover", (event) => {
  event.preventDefault();
  zone.classList.add("is-over");
});
for (const name of ["dragleave", "drop"]) {
  zone.addEventListener(name, () => zone.classList.remove("is-over"));
}
zone.addEventListener("drop", async (event) => {
  event.preventDefault();
  /* The list is cleared after the first await. */
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  try {
    const all = (await Promise.all(entries.map((entry) => filesIn(entry, "")))).flat();
    send(all, entries.some((entry) => entry.isDirectory));
  } catch (reason) {
    state.textContent = `The folder could not be read (${reason?.message ?? reason}).`;
  }
});
