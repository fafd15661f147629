# %% [markdown]
# # 7 · Train on a GPU
#
# The recipe from nothing to a published model: install, data, training, resuming, evaluation, a
# database, the Hub. It is written for one GPU, in Colab or anywhere. Each step stands here twice: as
# the **real command**, to be copied into a terminal, and as a **miniature** of two steps that runs on
# a processor, so that what you read is known to work.
#
# ## What you will learn
#
# - which data the recipe needs, where it comes from and how large it is,
# - what the configuration `configs/cir-gpu.yaml` asks for: parameters, sounds seen, memory,
# - how to train, interrupt and resume without losing a step, on one GPU or several,
# - how to evaluate the result on held-out instruments and publish it.
#
# No model of this size has been trained in this repository yet: its author had two processor cores. What it
# should reach is an expectation, and stands in `benchmarks/model_log.md`; what *you* reach is worth an issue.

# %%
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
from cir.training.config import TrainingConfig
from cir.training.schedule import learning_rate_factor

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
# pip install -r requirements-gpu.txt      # torchaudio, for log-mels on the GPU: match your CUDA build of torch
# pip install --no-deps tinysoundfont      # to play sound fonts
# pip install vita                         # optional, GPL 3: generated instruments
# ```
#
# In Colab choose *Runtime → Change runtime type → GPU* first, and put `!` before each line. Training needs bf16
# to be fast: any GPU since NVIDIA's Ampere (A100, L4, RTX 30) has it. An older one works with `precision: "no"`.
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
# | `generated:COUNT` | Vital presets that nobody made | nothing to get |
#
# Synthesizers are slow to play and notes are asked for again and again, so record them once:
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
# `configs/cir-gpu.yaml` is the largest model that two processor cores still answer with in half a second, and that
# fits into 50 MB at half precision: serving decides its size, not the GPU.

# %%
path = ROOT / "configs" / "cir-gpu.yaml"
print(path.read_text(encoding="utf-8"))
config = load_config(path, TrainingConfig)
encoder = TimbreEncoder.from_config(config.encoder)
n_parameters = sum(weights.numel() for weights in encoder.network.parameters())
n_mixtures = config.total_steps * config.batch_size
n_notes = n_mixtures * len(config.paper_families)
print(
    f"{n_parameters / 1e6:.1f} million parameters, {2 * n_parameters / 1e6:.0f} MB at half precision"
)
print(f"{n_mixtures:,} mixtures and {n_notes:,} notes in {config.total_steps:,} steps")
print(f"each answer meets {config.batch_size * len(config.paper_families) - 1} notes as negatives")

# %% [markdown]
# The number of negatives is why the batch matters more than in classification: it *is* the difficulty of the
# task. If memory runs out, `accumulate` does **not** replace a larger batch, since each part has only its own
# negatives; lower `mixtures_with_notes` first, or use several GPUs, whose negatives are shared.
#
# The learning rate rises, stays, and falls over the last `decay_steps`. A run can be prolonged by moving
# `total_steps`: the constant part stays valid, and only the decay is run again.

# %% alt="Learning rate against step for two lengths of the run: warm-up, constant, linear fall"
steps = np.arange(0, config.total_steps, 20)
fig, axis = plt.subplots(figsize=(8, 2.6))
for total, colour in ((config.total_steps, ACCENT), (2 * config.total_steps, CONTRAST)):
    at = np.arange(0, total, 20)
    rates = [
        config.learning_rate
        * learning_rate_factor(
            int(step),
            total=total,
            warmup=config.warmup_steps,
            decay=config.decay_steps or total,
            shape=config.schedule,
            final=0.0,
        )
        for step in at
    ]
    axis.plot(at, rates, color=colour, label=f"total_steps: {total:,}")
axis.set(xlabel="step", ylabel="learning rate", title="A prolonged run shares its beginning")
axis.legend()
plt.show()

# %% [markdown]
# ## 4 · Train
#
# ```sh
# cir train configs/cir-gpu.yaml --data bank:data/surge --data nsynth:data/nsynth --data bank:data/vital
# tensorboard --logdir runs                                   # in a second terminal
# torchrun --nproc_per_node 4 -m cir train configs/cir-gpu.yaml ...   # several GPUs
# ```
#
# The first start decodes all notes into `runs/cache`, once for all later runs. The valid split of the *first* source
# decides which checkpoint is the best, so name the data that you care about first. `--with FILE` lays another YAML
# over the configuration; this is how our miniature becomes small. It keeps the network and all losses.

# %%
miniature = {
    "batch_size": 3,
    "variants": 0,
    "twins": False,
    "paper_probability": 0.5,
    "total_steps": 2,
    "warmup_steps": 1,
    "decay_steps": 1,
    "validate_every_steps": 2,
    "n_validation_mixtures": 3,
    "trackers": [],
}
small = workspace / "miniature.yaml"
small.write_text(yaml.safe_dump(miniature), encoding="utf-8")
run = workspace / "runs" / "cir-gpu-miniature"
train = ("train", "configs/cir-gpu.yaml", "--with", "miniature.yaml", "--data", SOURCE, "--cpu")
terminal(*train)
print(sorted(one.name for one in run.iterdir() if not one.name.startswith(".")))

# %% [markdown]
# | in the folder | what it is |
# |---|---|
# | `config.json` | everything the run was made with |
# | `log.csv`, `validation.csv` | losses every 20 steps; retrieval on held-out instruments |
# | `checkpoint/` | weights, average, optimiser and step: what resuming needs |
# | `best/`, `last/` | models to load: the best by validation, and the latest |
#
# ## 5 · Interrupt and resume
#
# Colab ends sessions, clusters preempt. Ctrl-C or SIGTERM finish the step, save and stop, and a checkpoint is written
# every five minutes anyway. **The same command goes on**, and ends where an unbroken run would have: batches are a
# pure function of seed and step. Keep `runs/` on a disk that survives (in Colab, a mounted Drive: `-o /content/drive/MyDrive/runs/cir-gpu`).
#
# In the miniature we move the end by one step and call the command again: it starts at step 2.

# %%
small.write_text(yaml.safe_dump({**miniature, "total_steps": 3}), encoding="utf-8")
terminal(*train)
print((run / "validation.csv").read_text(encoding="utf-8"))

# %% [markdown]
# ## 6 · Evaluate
#
# The real evaluation takes the test split of the data, 5 000 mixtures, and every experiment of the report:
#
# ```sh
# cir evaluate mixtures --model runs/cir-gpu/best --data bank:data/surge --mixtures 5000 --baseline mfcc
# cir evaluate --model runs/cir-gpu/best --data bank:data/surge --report report/ --card runs/cir-gpu/best/README.md
# ```
#
# `--card` writes the figures into the model card, where the Hub shows them. The miniature has seen
# a few sounds, so its figures show only that the path works.

# %%
terminal(
    *("evaluate", "mixtures", "--model", "runs/cir-gpu-miniature/best", "--data", SOURCE),
    *("--mixtures", str(size(20, 4)), "--family", "bass", "--family", "synth_lead"),
)

# %% [markdown]
# ## 7 · A database for it
#
# Embeddings of one model cannot be searched with another. A new model needs a database of its own, then hubs
# and chances fitted on instruments that it was not trained on:
#
# ```sh
# cir database build -o my-database --model runs/cir-gpu/best --note-bank data/surge --licence GPL-3.0-or-later
# cir database calibrate --database my-database --model runs/cir-gpu/best --data bank:data/surge
# CIR_MODEL=runs/cir-gpu/best CIR_DATABASE=my-database make app
# ```
#
# ## 8 · Publish
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
    "runs/cir-gpu-miniature/best",
)

# %% [markdown]
# With an account, `hf auth login` (in Colab: a secret named `HF_TOKEN`), and without `--dry-run`, it is sent:
#
# ```sh
# cir publish --model someone/cir-gpu --model-folder runs/cir-gpu/best \
#             --dataset someone/cir-gpu-database --database my-database --space someone/find-the-instrument
# ```
#
# From Python `encoder.push_to_hub("someone/cir-gpu")` sends the model alone. What comes back is what went out:
# the identity is a hash of configuration and weights.

# %%
trained = TimbreEncoder.from_pretrained(run / "best")
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
# **1.** You have 16 GB of GPU memory and `batch_size: 48` does not fit. Name three changes and say which one costs
# negatives.
#
# <details><summary>Solution</summary>
#
# `mixtures_with_notes: 24` keeps 48 mixtures but brings notes for half of them; the others meet only the proxies,
# so note negatives are halved while mixtures are not. A higher `note_patch_dropout` (or `mixture_patch_dropout`)
# shortens the sequences and costs no negatives at all, only detail. `batch_size: 24, accumulate: 2` sees as many sounds
# a step but each half has its own negatives. `queue_size` brings negatives back for `query_infonce`, cheaply.
# </details>
#
# **2.** Write a budget file that trains `cir-gpu` for 1 000 steps only, and start it beside the long run without mixing
# the two.
#
# <details><summary>Solution</summary>
#
# ```yaml
# total_steps: 1000
# warmup_steps: 100
# decay_steps: 500
# validate_every_steps: 250
# ```
#
# `cir train configs/cir-gpu.yaml --with short.yaml` goes into `runs/cir-gpu-short`: the name of the folder
# is made of the names of the files. Two processes in one folder are refused.
# </details>
#
# **3.** The paper starts from an AST that was pre-trained on AudioSet. Which key does that here, and why does it not
# fit `cir-gpu.yaml` as it is?
#
# <details><summary>Solution</summary>
#
# `initial_ast: MIT/ast-finetuned-audioset-10-10-0.4593`. That AST has 12 layers of 768, a shift of 10 ms and patches
# that overlap by six; the configurations `paper-*.yaml` have its sizes. `cir-gpu` has 384 and patches side by side, so
# that two cores can answer in half a second: it starts from scratch, or from a model of its own kind
# with `--initial FOLDER`.
# </details>
#
# That was the last one. The page (`make app`), the command line (`cir --help`) and the README take it from here.
