# %% [markdown]
# # 7 · Train on a GPU
#
# The recipe from nothing to a published model: install, data, both stages of training, resuming,
# evaluation, a database, the Hub. It is written for one GPU, in Colab or anywhere. Most steps stand here
# twice: as the **real command**, to be copied into a terminal, and as a **miniature** of a few minutes that
# runs on a processor, so that what you read is known to work.
#
# ## What you will learn
#
# - which data the recipe needs, where it comes from and how large it is,
# - why training reads no sound until its end, and how mixtures are made without any,
# - what the two stages learn, and how the rates rise and fall in each,
# - how to train, interrupt and resume,
# - how to evaluate the result on held-out instruments and publish it.
#
# With the environment variable `CIR_FAST` set, the miniature takes a few steps only, and learns nothing.

# %%
import csv
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
import yaml

import cir
from cir import TimbreEncoder
from cir.config import load_config
from cir.datasets.registry import open_dataset
from cir.teaching import ACCENT, CONTRAST, size, use_style
from cir.training.feature_cache import FeatureCache
from cir.training.feature_pool import FeaturePool
from cir.training.mixture_batches import MixtureSampler
from cir.training.note_batches import NoteSampler
from cir.training.recipe import RecipeConfig

use_style()
ROOT = Path(cir.__file__).parents[1]
scratch = tempfile.TemporaryDirectory(prefix="cir-notebook-")
workspace = Path(scratch.name)
(workspace / "configs").symlink_to(ROOT / "configs")
print(
    "torch",
    torch.__version__,
    "on",
    torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
)


def terminal(*words):
    """Run `cir` in our folder and show what it prints."""
    print("$ cir", *words)
    done = subprocess.run(
        [sys.executable, "-m", "cir", *words],
        cwd=workspace,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    print(done.stdout.rstrip(), "\n")
    if done.returncode:
        raise RuntimeError(done.stderr)


# %% [markdown]
# ## 1 · Install
#
# ```sh
# git clone YOUR-FORK-OF-THIS-REPOSITORY cir && cd cir
# pip install -e .
# pip install --no-deps tinysoundfont      # to play sound fonts
# pip install vita                         # optional, GPL 3: generated instruments
# ```
#
# In Colab choose *Runtime → Change runtime type → GPU* first, and put `!` before each line. A GPU trains in bf16,
# which any of NVIDIA's since Ampere (A100, L4, RTX 30) computes fast.
#
# ## 2 · Data
#
# A source is one word, `scheme:where`, and may be repeated. All go through the same contract: instruments in
# three splits, notes, and a reference note first.
#
# | source | what it is | get it |
# |---|---|---|
# | `nsynth:FOLDER` | about 300 000 notes of 1 006 instruments, 4 s each, CC BY 4.0 | `wget http://download.magenta.tensorflow.org/datasets/nsynth/nsynth-train.jsonwav.tar.gz` (and `-valid`, `-test`), then `tar xf` |
# | `surge:FOLDER` | patches of the Surge XT synthesizer, played here | build [Surge XT](https://surge-synthesizer.github.io)'s Python module, give the folder of its patches |
# | `bank:FOLDER` | notes that were recorded before | `cir render-notes surge:FOLDER -o FOLDER` |
# | `soundfont:FILE` | every preset and drum of a sound font | `apt install fluid-soundfont-gm musescore-general-soundfont` |
# | `generated:COUNT` | random Vital presets | nothing to get |
#
# Synthesizers are slow to play, so record their notes once:
#
# ```sh
# cir render-notes surge:/usr/share/surge-xt/patches_factory -o data/surge
# cir render-notes generated:3000 -o data/vital
# ```
#
# NSynth's own valid and test splits share instruments with each other; `cir` divides instruments anew, leaves out
# the ones that the paper leaves out, and keeps the pitches of each family that the paper keeps. The miniature uses
# the General MIDI bank that comes with the package.

# %%
SOURCE = "soundfont:TimGM6mb.sf2"
dataset = open_dataset(SOURCE)
for split in ("train", "valid", "test"):
    listed = dataset.instruments(split)
    print(f"{split:5} {len(listed):4} instruments of {len({one.family for one in listed})} kinds")

# %% [markdown]
# ## 3 · The configuration
#
# `configs/cir-gpu.yaml` is the recipe of the shipped model; `configs/cir-small.yaml` is the same for a processor,
# with a narrower network and smaller batches. `--with FILE` lays another YAML file over a configuration. This is how our miniature becomes
# small: it keeps the recipe, and takes the sizes of `configs/cir-tiny.yaml`.

# %%
path = ROOT / "configs" / "cir-gpu.yaml"
print(path.read_text(encoding="utf-8"))
miniature = yaml.safe_load((ROOT / "configs" / "cir-tiny.yaml").read_text(encoding="utf-8"))
miniature["encoder"]["n_heads"] = 4
miniature["data_weights"] = []
miniature["notes"]["examples"] = size(20_000, 256)
miniature["mixtures"] |= {
    "examples": size(4_000, 24),
    "queue_size": 256,
    "n_validation_mixtures": size(50, 3),
    "n_counted_batches": size(16, 1),
    "n_fitted_mixtures": size(150, 0),
}
small = workspace / "miniature.yaml"
small.write_text(yaml.safe_dump(miniature), encoding="utf-8")

config = load_config(path, RecipeConfig)
tiny = load_config(path, RecipeConfig, [small])
for name, one in (("cir-gpu", config), ("miniature", tiny)):
    network = TimbreEncoder.from_config(one.encoder).network
    n_parameters = sum(weights.numel() for weights in network.parameters())
    print(
        f"{name}: {n_parameters / 1e6:.1f} million parameters, "
        f"{one.notes.examples:,} notes, {one.mixtures.examples:,} mixtures"
    )

# %% [markdown]
# ## 4 · Training without sound
#
# A GPU must not wait for a processor that reads and mixes sounds. So every note becomes a *log-frequency
# spectrogram* once, before training, and all of them lie on the device as one tensor. A batch is then an index into it.
#
# On a logarithmic frequency scale another pitch is the same pattern at another height. So one convolution
# serves every pitch, and a shift moves a note to another pitch.

# %%
bands = tiny.encoder.bands
cache = FeatureCache.open(workspace / "runs" / "cache", dataset, bands)
pool = FeaturePool.join([cache], [1.0])
n_notes, n_frames, n_bands = pool.levels.shape
print(f"{len(pool.families)} training instruments, {n_notes} notes")
print(
    f"each {n_frames} frames x {n_bands} bands in float16: {pool.levels.nbytes / 1e6:.0f} MB in all"
)

# %% [markdown]
# The first batch of each stage. In the **notes** stage an instrument has two notes. Some instruments are *virtual*: a
# **layered** one adds a second instrument, and a **recast** one sends both of its notes through one chain of filters and
# envelopes. What both notes have in common is what makes the instrument, and the network has to find it.
#
# In the **mixtures** stage, notes are placed in time, and the *powers* of the stems are added. This is nearly what
# happens when sounds add up; only their phases are left out.

# %% alt="Log-frequency spectrograms: two notes each of a plain, a layered and a recast instrument; below, a mixture and its three stems"
generator = torch.Generator().manual_seed(3)
n_drawn = 10
notes = NoteSampler(pool, bands, (64,), n_drawn, 2, recast_share=0.3, layered_share=0.3)
pairs = notes.draw(generator).levels.view(n_drawn, 2, 64, n_bands)
mixtures = MixtureSampler(pool, bands, 256, 1, recast_share=0.0)
paper_families = ("percussion", "bass", "synth_lead")
batch = mixtures.draw(paper_families, generator)


def show_levels(axis, levels, title):
    """A spectrogram, of which the loudest 80 dB are seen."""
    top = float(levels.max())
    axis.imshow(levels.T, origin="lower", aspect="auto", cmap="magma", vmin=top - 2.3, vmax=top)
    axis.set_title(title, fontsize=9)
    axis.set(xticks=[], yticks=[])


fig, axes = plt.subplots(2, 6, figsize=(12, 4.4))
# Of ten instruments the sampler makes the first three layered, and the second to fourth recast.
for column, (row, kind) in enumerate(((9, "as it is"), (0, "layered"), (3, "recast"))):
    for side in range(2):
        show_levels(axes[0, 2 * column + side], pairs[row, side], f"{kind}, note {side + 1}")
grid = axes[1, 0].get_gridspec()
for axis in axes[1]:
    axis.remove()
show_levels(
    fig.add_subplot(grid[1, :3]), batch.levels[0], "a mixture: the powers of the three, added"
)
for column, (family, power) in enumerate(zip(paper_families, batch.stem_power[0])):
    levels = power.clamp_min(1e-10).log() / 8
    show_levels(fig.add_subplot(grid[1, 3 + column]), levels, family.replace("_", " "))
plt.show()

# %% [markdown]
# ## 5 · Two stages
#
# **Notes** first. *Supervised contrast*: among all notes of the batch, each must find the other note of its
# instrument. With $z$ the unit embeddings, $P(i)$ the other notes of the instrument of note $i$, and a learned
# temperature $\tau$:
#
# $$\mathcal{L}_\text{notes} = -\operatorname{mean}_i \; \frac{1}{|P(i)|} \sum_{p \in P(i)} \log \frac{e^{z_i \cdot z_p / \tau}}{\sum_{k \neq i} e^{z_i \cdot z_k / \tau}}$$
#
# **Mixtures** second. The encoder of notes stays as it is, and a copy of it learns to read mixtures. For each family
# that plays, a learned query $q_f$ attends to the mixture $m$ and answers with an embedding. It is classified among the notes
# of all training instruments of that family, and among recast ones; $n^+$ is who plays:
#
# $$\mathcal{L}_\text{mixtures} = -\log \frac{e^{s \, q_f(m) \cdot n^+}}{\sum_{n \in \text{family}} e^{s \, q_f(m) \cdot n}}$$
#
# The notes do not move, so one space serves both. A recast instrument occurs only once. What the network learns of it,
# it cannot have learned by heart.
#
# At the end the network is **fitted to sound**, since powers that are added up are not quite like it. Mixtures of training
# instruments are played; the statistics of the batch norms are counted over them; then the embeddings are whitened:
# directions in which embeddings of one instrument differ most from each other count less.
#
# The optimiser is **Muon** for matrices and convolutions: it makes the update of a matrix orthogonal, so that
# all directions learn alike. Everything else has AdamW. In each stage both rates rise, stay constant, and fall to 0.
# A longer run can start where the rates of a shorter one were still constant (`--initial`).

# %% alt="Share of the highest rate against progress: a short rise, a constant part, a linear fall"
done = np.linspace(0, 1, 400)
fig, axis = plt.subplots(figsize=(8, 2.4))
for name, one, colour in (("cir-gpu", config, ACCENT), ("miniature", tiny, CONTRAST)):
    axis.plot(done, [one.notes.share(at) for at in done], color=colour, label=name)
axis.set(xlabel="share of the stage that is done", ylabel="share of the rate")
axis.set_title("The rates of a stage")
axis.legend()
plt.show()

# %% [markdown]
# ## 6 · Train
#
# ```sh
# cir train configs/cir-gpu.yaml --data bank:data/surge --data nsynth:data/nsynth --data bank:data/vital
# ```
#
# The first start computes all spectrograms into `runs/cache`, once for all later runs. The valid split of the
# *first* source is validated on, so name the data that you care about first. `notes: {minutes: 60}` in the
# configuration ends a stage by the clock, where the time on a GPU is what is limited.

# %%
run = workspace / "runs" / "cir-gpu-miniature"
train = ("train", "configs/cir-gpu.yaml", "--with", "miniature.yaml", "--data", SOURCE, "--cpu")
terminal(*train)
for one in sorted(run.glob("*/*")):
    print(one.relative_to(run))

# %% [markdown]
# | in the folder | what it is |
# |---|---|
# | `notes/log.csv`, `mixtures/log.csv` | losses, and retrieval on held-out instruments |
# | `checkpoint.safetensors` of each stage | weights, optimiser and step: what resuming needs |
# | `stable.safetensors` of each stage | the same, from just before the rates began to fall |
# | `model/` | the result, to be loaded by `TimbreEncoder.from_pretrained` |
#
# The last line of each stage is the validation; mixtures are validated once more after the fit to sound.
# *Notes*: other notes of held-out instruments against the
# reference notes of all of train and valid. *Mixtures*: percussion, bass and lead that training has not
# heard, played as sound, each looked for among its family. This bank's valid split has a single bass and a
# single lead, so the figures of its mixtures say little.


# %%
def last_of(stage):
    """The last value of each figure in a stage's log."""
    with (run / stage / "log.csv").open(encoding="utf-8") as file:
        return {name: float(value) for *_, name, value in csv.reader(file)}


n_references = sum(len(dataset.instruments(split)) for split in ("train", "valid"))
for stage in ("notes", "mixtures"):
    found = last_of(stage)
    print(f"{stage:9} top-1 {found['top_1']:5.1f} %   top-5 {found['top_5']:5.1f} %")
print(f"a note at random: top-1 {100 / n_references:.1f} %, top-5 {500 / n_references:.1f} %")

# %% [markdown]
# ## 7 · Interrupt and resume
#
# Colab ends sessions, clusters preempt. Ctrl-C or SIGTERM finish the step, save and stop, and a checkpoint is written
# every two minutes anyway. **The same command goes on**: the batches are a pure function of seed and step.
# Keep `runs/` on a disk that survives (in Colab, a mounted Drive: `-o /content/drive/MyDrive/runs/cir-gpu`).
#
# In the miniature we move the end of the mixtures and call the command again. The notes are done already and are only
# validated; the mixtures go on where they ended.

# %%
miniature["mixtures"]["examples"] += size(240, 24)
small.write_text(yaml.safe_dump(miniature), encoding="utf-8")
terminal(*train)

# %% [markdown]
# ## 8 · Evaluate
#
# The real evaluation takes the test split of the data, 5 000 mixtures, and every experiment of the report:
#
# ```sh
# cir evaluate mixtures --model runs/cir-gpu/model --data bank:data/surge --mixtures 5000 --baseline mfcc
# cir evaluate --model runs/cir-gpu/model --data bank:data/surge --report report/ --card runs/cir-gpu/model/README.md
# ```
#
# `--card` writes the figures into the model card, where the Hub shows them. The miniature is evaluated on a handful
# of instruments, so its figures show only that the path works.

# %%
terminal(
    *("evaluate", "mixtures", "--model", "runs/cir-gpu-miniature/model", "--data", SOURCE),
    *("--mixtures", str(size(20, 4)), "--family", "bass", "--family", "synth_lead"),
)

# %% [markdown]
# ## 9 · A database for it
#
# Embeddings of one model cannot be searched with another. A new model needs a database of its own, then
# chances fitted on instruments that it was not trained on:
#
# ```sh
# cir database build -o my-database --model runs/cir-gpu/model --note-bank data/surge --licence GPL-3.0-or-later
# cir database calibrate --database my-database --model runs/cir-gpu/model --data bank:data/surge
# CIR_MODEL=runs/cir-gpu/model CIR_DATABASE=my-database make app
# ```
#
# ## 10 · Publish
#
# The model, its database and a page that loads both, as three repositories on the Hugging Face Hub. First as a dry
# run, always: it lists every file, and refuses to send what looks like a secret.

# %%
terminal(
    "publish",
    "--dry-run",
    "--model",
    "someone/cir-gpu",
    "--model-folder",
    "runs/cir-gpu-miniature/model",
)

# %% [markdown]
# With an account, `hf auth login` (in Colab: a secret named `HF_TOKEN`), and without `--dry-run`, it is sent:
#
# ```sh
# cir publish --model someone/cir-gpu --model-folder runs/cir-gpu/model \
#             --dataset someone/cir-gpu-database --database my-database --space someone/find-the-instrument
# ```
#
# From Python `encoder.push_to_hub("someone/cir-gpu")` sends the model alone. What comes back is what went out:
# the identity is a hash of configuration and weights.

# %%
trained = TimbreEncoder.from_pretrained(run / "model")
trained.save_pretrained(workspace / "copy")
again = TimbreEncoder.from_pretrained(workspace / "copy")
print("identity", trained.identity, "after a round trip", again.identity)
sound = np.sin(2 * np.pi * 220 * np.arange(16_000) / 16_000).astype(np.float32)
print(
    "same embedding:",
    bool(np.array_equal(trained.embed([sound], 16_000), again.embed([sound], 16_000))),
)

# %% [markdown]
# ## Exercises
#
# **1.** Your GPU has too little memory for `n_instruments: 512`. Name two keys that help, and say what each costs.
#
# <details><summary>Solution</summary>
#
# `n_instruments` of `notes`: every note then meets fewer others, so the task is easier and teaches less. Steps cannot make up
# for it: two small batches do not know of each other. `widths` of `encoder`: a narrower network costs accuracy, but no
# negatives. In the mixtures stage `n_mixtures` is harmless in this respect: each answer is compared with *all* training
# instruments of its family, however small the batch is.
# </details>
#
# **2.** Write a file that trains `cir-gpu` for ten minutes a stage, and start it beside the long run without mixing
# the two. What would it need in addition to begin where the long run is?
#
# <details><summary>Solution</summary>
#
# ```yaml
# notes: {minutes: 10}
# mixtures: {minutes: 10}
# ```
#
# `cir train configs/cir-gpu.yaml --with short.yaml` goes into `runs/cir-gpu-short`: the name of the folder
# is made of the names of the files. With `--initial runs/cir-gpu` each stage starts from the `stable.safetensors`
# of the other run.
# </details>
#
# **3.** In the mixtures stage the encoder of notes could learn, too. What would be lost?
#
# <details><summary>Solution</summary>
#
# The embeddings of the notes are the answers. If they move, all of them have to be computed again after each step
# instead of once, and the recast instruments of earlier batches are out of date. And the easiest way to bring answers and
# notes together is to move the notes of the instruments that training hears towards what mixtures of them sound
# like, which says nothing about instruments that it does not hear.
# </details>
#
# That was the last one. The page (`make app`), the command line (`cir --help`) and the README take it from here.
