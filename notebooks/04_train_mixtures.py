# %% [markdown]
# # 4 · Train on mixtures
#
# Until now one sound was one instrument. Here three play at once, and one encoder has to put the
# *mixture* near every instrument in it. This is section 4 of the paper, and the step that makes
# retrieval from music possible at all.
#
# ## What you will learn
#
# - what is positive and what is negative when a mixture has several right answers (the paper's Figure 3),
# - what the full triplet loss and InfoNCE ask of such a batch, and where each of them cannot get to,
# - why one embedding for a whole mixture is a compromise, and what *family queries* do instead,
# - how to train all three on the same draws and compare them on instruments that none has heard.
#
# Everything runs from this repository: the instruments are those of the General MIDI bank TimGM6mb,
# which comes with the package, and training goes on from the bundled model, which has never heard them.
# A few thousand sounds are too few to decide between methods; what you see is how such a comparison is
# made. With the environment variable `CIR_FAST` set, only that it runs.

# %%
import contextlib
import copy
import io
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import display

import cir
from cir import TimbreEncoder
from cir.baselines.mfcc import MfccEncoder
from cir.evaluation.gallery import Gallery
from cir.evaluation.mixture_stream import MixtureSet, ask_mixtures, embed_references, timed
from cir.evaluation.scores import score
from cir.losses.full_infonce import full_infonce
from cir.losses.full_triplet import full_triplet
from cir.losses.pair_infonce import pair_infonce
from cir.losses.similarity import cosine_similarities
from cir.mixtures.render import render_plan
from cir.model.network_config import EncoderConfig
from cir.teaching import (
    ACCENT,
    CONTRAST,
    QUIET,
    players,
    show_log_mel,
    show_similarity_matrix,
    size,
    use_style,
)
from cir.training.batches import BatchRenderer
from cir.training.run_config import TrainingConfig
from cir.training.data import open_datasets, training_pool
from cir.training.sampler import BatchSampler
from cir.training.validation import Validation
from cir.types import SAMPLE_RATE

use_style()
ROOT = Path(cir.__file__).parents[1]
scratch = tempfile.TemporaryDirectory(prefix="cir-notebook-")
workspace = Path(scratch.name)

# %% [markdown]
# ## A batch of mixtures
#
# The sampler draws batches from a configuration. Ours lets any three families meet; here is its first
# batch: three mixtures, and for each instrument in them **one single note**. The note is drawn anew, so it
# is hardly ever one that the mixture plays: the model cannot succeed by recognising a recording.

# %%
bundled = TimbreEncoder.from_pretrained(device="cpu")
draws = TrainingConfig(
    data=("soundfont:TimGM6mb.sf2",),
    encoder=EncoderConfig(note_frames=64, mixture_frames=256, families=bundled.families),
    losses={"full_triplet": 1.0},
    batch_size=size(6, 2),
    paper_probability=0.2,
    twins=False,
    n_validation_mixtures=size(40, 3),
)
datasets = open_datasets(draws)
with contextlib.redirect_stderr(io.StringIO()):  # the progress bar
    pool = training_pool(datasets, draws, workspace / "cache")
print(f"{len(pool.instruments)} training instruments, {len(pool.pitches)} notes")

renderer = BatchRenderer(pool, draws.encoder, torch.device("cpu"))
plan = BatchSampler(pool, replace(draws, batch_size=3)).mixtures(step=0)
batch = renderer.mixtures(plan)
names = [pool.instruments[number].instrument_id for number in batch.instruments]
families = [pool.instruments[number].family for number in batch.instruments]
owners = batch.owners.tolist()

for number in range(3):
    inside = [row for row, owner in enumerate(owners) if owner == number]
    display(
        players(
            [(f"Mixture {number}", batch.mixtures[number].numpy())]
            + [(f"note: {names[row]}", batch.notes[row].numpy()) for row in inside]
        )
    )

# %% [markdown]
# The first mixture and its stems, as log-mels. The encoder reads only the left picture. Of the
# stems it is never told: what belongs to whom must come from the contrast between mixtures.

# %% alt="Log-mels of a mixture and of its three stems, which overlap in it"
stems = render_plan(plan.mixtures[0], pool).stems
fig, axes = plt.subplots(1, 4, figsize=(12, 2.8), sharey=True)
show_log_mel(axes[0], batch.mixtures[0].numpy(), title="mixture 0")
for axis, stem, family in zip(axes[1:], stems, families[:3], strict=True):
    show_log_mel(axis, stem, title=f"stem: {family.replace('_', ' ')}")
    axis.set_ylabel("")
plt.show()

# %% [markdown]
# ## The contrastive matrix (Figure 3 of the paper)
#
# Let $m_b$ be the embedding of mixture $b$ and $n_i$ that of note $i$, whose mixture is $o(i)$. The
# pair $(m_b, n_i)$ is positive where $o(i) = b$ and negative elsewhere; two mixtures are always
# negative. No two mixtures of a batch share an instrument, otherwise a negative would be false.
#
# One kind of pair is open: two notes of the *same* mixture, marked **s**. They are different
# instruments, so the paper's triplets oppose them; but both must be near their common mixture.

# %% alt="Matrix of positive and negative pairs among nine notes and three mixtures: notes and their mixture are positive, all else negative, notes of one mixture both"
kinds = len(owners) + 3
symbols = np.full((kinds, kinds), "–", dtype=object)
targets = np.full((kinds, kinds), -0.45)
for i, owner in enumerate(owners):
    for j, other in enumerate(owners):
        if i != j and owner == other:
            symbols[i, j], targets[i, j] = "s", -0.15
    for row, column in ((i, len(owners) + owner), (len(owners) + owner, i)):
        symbols[row, column], targets[row, column] = "+", 0.8
for diagonal in range(kinds):
    symbols[diagonal, diagonal], targets[diagonal, diagonal] = "·", 0.0

labels = [f"$n_{i}$" for i in range(len(owners))] + [f"$m_{b}$" for b in range(3)]
fig, axis = plt.subplots(figsize=(4.6, 4.6))
show_similarity_matrix(axis, targets, labels, title="+ near   – far   s both   · itself")
axis.set_xticks(range(kinds), labels)
for row, column in np.ndindex(symbols.shape):
    axis.text(column, row, symbols[row, column], ha="center", va="center")
plt.show()

# %% [markdown]
# ## What each loss wants
#
# **Full triplet.** Every positive pair is held against everything else, once with the mixture as the
# anchor and once with the note, by Euclidean distance $d$ and a margin $\mu = 1$:
#
# $$\mathcal{L}_\text{triplet} = \operatorname{mean}_{(a, p, n)} \; \max\bigl(0,\; d(a, p) - d(a, n) + \mu\bigr)$$
#
# **Full InfoNCE.** Every sound picks its partners among all others by cosine $s$, with temperature $\tau$:
#
# $$\mathcal{L}_\text{InfoNCE} = -\operatorname{mean}_a \; \frac{1}{|P(a)|} \sum_{p \in P(a)} \log \frac{e^{s(a, p) / \tau}}{\sum_{k \neq a} e^{s(a, k) / \tau}}$$
#
# A mixture of $S$ notes has to share its choice among them, so its row costs at least $\log S$.
# Neither loss can reach zero, and a training curve that flattens above it has not failed.
#
# **Family queries** (ours). The mixture is read once but *answers once per family*: "what is your
# bass?", "what is your organ?". Each answer has exactly one positive, and the matrix is a diagonal.
#
# To see what the losses themselves want we leave the network out: 16 free vectors for 4 mixtures and
# their 12 notes, moved by gradient descent alone.


# %% alt="Cosines of free vectors after each loss: with triplets and InfoNCE notes of one mixture lie near each other, with family queries they do not"
def settle(loss_of, n_vectors):
    """Move free vectors until a loss is content; the vectors and the loss reached."""
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(n_vectors, 32, generator=generator).requires_grad_()
    optimizer = torch.optim.Adam([vectors], lr=0.05)
    for _ in range(size(300, 20)):
        optimizer.zero_grad()
        loss = loss_of(vectors)
        loss.backward()
        optimizer.step()
    return vectors.detach(), loss.item()


of_mixture = torch.arange(4).repeat_interleave(3)
objectives = {
    "full triplet": (lambda v: full_triplet(v[12:], v[:12], of_mixture), 16),
    "full InfoNCE": (lambda v: full_infonce(v[12:], v[:12], of_mixture, 0.1), 16),
    "family queries": (lambda v: pair_infonce(v[12:], v[:12], 0.1), 24),
}
fig, axes = plt.subplots(1, 3, figsize=(12, 4))
for axis, (name, (loss_of, n_vectors)) in zip(axes, objectives.items(), strict=True):
    vectors, reached = settle(loss_of, n_vectors)
    cosines = cosine_similarities(vectors, vectors).numpy()
    show_similarity_matrix(axis, cosines, title=f"{name}: loss {reached:.3f}")
    axis.axhline(11.5, color="black", linewidth=0.8)
    axis.axvline(11.5, color="black", linewidth=0.8)
    axis.set_xlabel("12 notes, then 4 mixtures" if n_vectors == 16 else "12 notes, then 12 answers")
plt.show()

print(f"floor of a mixture's row under full InfoNCE: log 3 = {np.log(3):.3f}, of a note's row: 0")
print(f"mean over 12 notes and 4 mixtures: {4 * np.log(3) / 16:.3f}")

# %% [markdown]
# Under the first two losses the notes of one mixture end up near each other (the blocks on the
# diagonal), although they are different instruments: a common neighbour pulls them together. With
# family queries they are free to be as far apart as they sound, and one mixture has several answers
# that have nothing to do with each other. In a real batch that pull is averaged over random company;
# the question of the next section is how much of it stays.
#
# ## Train the three
#
# One seed, one stream of batches; only the losses differ, and with them whether the mixture has one
# embedding or one for each family. Sound is drawn anew for each step here, so that from random weights
# this would take hours on a processor core. We *fine-tune* the bundled model, which knows Surge's patches;
# the new bank is what it has to learn. (Notebook 7 trains from random weights, without sound, in minutes.)
#
# For one embedding we take its note encoder alone and let it read mixtures as if they were notes, as the
# paper's encoder reads both. For family queries we take all of it, and its notes stay where they are: only
# what listens to mixtures learns. The two do not start equally well; the figures below show both starts.
#
# The whole training is this loop.

# %%
STEPS, EVERY = size(80, 1), size(20, 1)
one_embedding = TimbreEncoder.from_config(replace(bundled.config, families=()))
weights = bundled.network.state_dict()
one_embedding.network.load_state_dict(
    {name: weights[name] for name in one_embedding.network.state_dict()}
)
sampler = BatchSampler(pool, draws)
validation = Validation(datasets[0], pool, draws)


def fine_tune(encoder, loss_of):
    """A copy that has learned, and its validation scores by sounds seen."""
    learned = TimbreEncoder(copy.deepcopy(encoder.network))
    network, curve, seen = learned.network, [], 0
    optimizer = torch.optim.AdamW(network.parameters())
    for step in range(STEPS):
        batch = renderer.mixtures(sampler.mixtures(step))
        heard = network.listen(network.features(batch.mixtures))
        notes = network.embed_notes(network.features(batch.notes))
        loss = loss_of(heard, notes, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.param_groups[0]["lr"] = 1e-4 * (1 - step / STEPS)
        optimizer.step()
        seen += batch.n_clips
        if (step + 1) % EVERY == 0:
            curve.append((seen, validation.run(learned)["mrr"]))
            print(f"{seen} sounds, loss {loss.item():.3f}, validation MRR {curve[-1][1]:.3f}")
    return learned, np.array(curve)


def ask_families(heard, notes, batch):
    """Each stem's family is asked for; the notes are targets and do not move."""
    return pair_infonce(heard.embeddings[batch.owners, batch.queries], notes.detach(), 0.07)


recipes = {
    "full triplet": (
        one_embedding,
        lambda heard, notes, batch: full_triplet(heard.overall, notes, batch.owners),
    ),
    "full InfoNCE": (
        one_embedding,
        lambda heard, notes, batch: full_infonce(heard.overall, notes, batch.owners, 0.07),
    ),
    "family queries": (bundled, ask_families),
}
models, curves = {}, {}
for name, (start, loss_of) in recipes.items():
    print(f"\n{name}")
    models[name], curves[name] = fine_tune(start, loss_of)

# %% [markdown]
# Validation, as it goes: mixtures of percussion, bass and synth lead from the valid split,
# ranked within the family. The loss values of different objectives cannot be compared, but this
# figure can. There is a single bass and a single lead to be found, so the curves jump; the
# next section counts better.

# %% alt="Mean reciprocal rank on validation mixtures against sounds seen, for three recipes"
LOOKS = {
    "full triplet": (CONTRAST, "s"),
    "full InfoNCE": (QUIET, "D"),
    "family queries": (ACCENT, "o"),
}
fig, axis = plt.subplots(figsize=(7, 3.4))
for name, (colour, marker) in LOOKS.items():
    axis.plot(*curves[name].T, color=colour, marker=marker, label=name)
axis.set(xlabel="sounds seen", ylabel="mean reciprocal rank", title="Validation while training")
axis.set_ylim(0, 1)
axis.grid(axis="y")
axis.legend()
plt.show()

# %% [markdown]
# ## Held-out instruments
#
# Now mixtures of three pitched instruments from the valid *and* the test split, which no training
# batch has played. The right one is to be found among **all** instruments of its family, those of
# training included, each known by one reference note. MFCCs, and the same network before any
# training, stand beside.

# %%
gallery = Gallery(datasets)
held_out = {one.family for one in gallery.entries if one.split == "test" and one.family}
FAMILIES = tuple(sorted(held_out - {"percussion"}))[: size(12, 3)]
known = [one for one in pool.instruments if one.is_original]
methods = {
    "MFCC": MfccEncoder.fit([pool.stored_note(one.rows[0]) for one in known], SAMPLE_RATE),
    "start, one embedding": one_embedding,
    "start, family queries": bundled,
    **models,
}
clocks = timed(methods)
rows = np.concatenate([gallery.of_family(family) for family in FAMILIES])
references = embed_references(clocks, gallery, rows)


def ask(split):
    """What all methods answer about mixtures of three instruments of a split, by method."""
    chosen = MixtureSet(n_mixtures=size(70, 1), split=split, families=FAMILIES, n_stems=3)
    return ask_mixtures(clocks, gallery, chosen, references=references)


asked = [ask("valid"), ask("test")]
figures = {}
for name in methods:
    answers = [one for split in asked for one in split[name].values()]
    ranks = np.concatenate([one.ranks for one in answers])
    playing = [instrument for one in answers for instrument in one.instruments]
    n_candidates = np.concatenate([np.full(len(one), len(one.candidates)) for one in answers])
    figures[name] = score(ranks, playing, int(n_candidates.max()))
chance = float((1 / n_candidates).mean())

# %% alt="Bars of top-1 accuracy with wide intervals for MFCC, the two starts and three recipes"
fig, axis = plt.subplots(figsize=(7.5, 3.2))
for row, (name, scores) in enumerate(figures.items()):
    top_1 = scores.estimates["top_1"]
    low, high = top_1.interval
    colour, alpha = (LOOKS[name][0], 1.0) if name in LOOKS else (QUIET, 0.35)
    axis.barh(row, 100 * top_1.value, color=colour, alpha=alpha, height=0.6)
    axis.plot([100 * low, 100 * high], [row, row], color="black", linewidth=1.2)
    print(f"{name:22} top-1 {100 * top_1.value:5.1f} %, 95 % [{100 * low:.0f}, {100 * high:.0f}]")
print(f"{'at random':22} top-1 {100 * chance:5.1f} %")
axis.axvline(100 * chance, color="black", linestyle=":", linewidth=1)
axis.set_title(
    f"{scores.queries} queries for {scores.instruments} instruments never heard in training"
)
axis.set(xlabel="top-1 accuracy, %   (line: 95 % interval, dots: at random)", xlim=(0, 100))
axis.set_yticks(range(len(methods)), methods)
axis.invert_yaxis()
plt.show()

# %% [markdown]
# Read the intervals before the bars. They come from redrawing whole *instruments*, of which there
# are few, and they overlap: some minutes on one core do not decide which loss is best. Compare each
# recipe with *its* start first: what has it gained on instruments that it was not shown? Fine-tuning on a hundred
# and eighty instruments can also lose, when a model that knew thousands begins to remember these.
#
# ## Before and after, on the same batch
#
# The cosines between three mixtures and their nine notes, for one embedding per mixture and for
# family queries. With queries, each note is compared with the answer for *its* family.


# %% alt="Cosines between three mixtures and nine notes at the start and after each recipe; positives are framed"
def mixtures_against_notes(encoder):
    """Cosine of what each mixture answers for each note's family with that note, (3, 9)."""
    notes = encoder.embed(list(batch.notes.numpy()), SAMPLE_RATE)
    kinds = sorted(set(families))
    answers = encoder.embed_mixtures(list(batch.mixtures.numpy()), SAMPLE_RATE, kinds)
    return np.stack(
        [
            answers[:, kinds.index(family)] @ note
            for family, note in zip(families, notes, strict=True)
        ],
        axis=1,
    )


fig, axes = plt.subplots(1, 4, figsize=(12, 2.6))
shown = {"start, family queries": bundled, **models}
for axis, (name, encoder) in zip(axes, shown.items(), strict=True):
    show_similarity_matrix(axis, mixtures_against_notes(encoder), title=name)
    axis.set_yticks(range(3), [f"$m_{b}$" for b in range(3)])
    axis.set_xticks(range(9), [f"$n_{i}$" for i in range(9)])
    for b in range(3):
        axis.add_patch(plt.Rectangle((3 * b - 0.5, b - 0.5), 3, 1, fill=False, linewidth=1.5))
plt.show()

# %% [markdown]
# The framed pairs are the positives: they should be red, all else blue or white. Instruments of this
# batch were in the training set, so this is about *fitting*; the section above was about
# *generalising*.
#
# ## What a longer training says
#
# The same comparison at some fifty thousand sounds was made for this repository, on Surge's patches, by
# `python benchmarks/compare_recipes.py`; it left its figures in `benchmarks/results/recipes.json`.

# %% alt="Top-5 accuracy with intervals of two recipes and two seeds, on mixtures and on single notes"
runs = json.loads((ROOT / "benchmarks" / "results" / "recipes.json").read_text())
fig, axis = plt.subplots(figsize=(8, 2.6))
for row, one in enumerate(runs):
    for protocol, key, shift, colour in (
        ("mixtures", "mean", -0.15, ACCENT),
        ("single", "all", 0.15, CONTRAST),
    ):
        if protocol in one:
            figure = one[protocol]["scores"][key]["top_5"]
            axis.plot([100 * figure["low"], 100 * figure["high"]], [row + shift] * 2, color=colour)
            axis.plot(100 * figure["value"], row + shift, "o", color=colour)
axis.set_yticks(range(len(runs)), [f"{one['recipe']}, seed {one['seed']}" for one in runs])
axis.invert_yaxis()
axis.grid(axis="x")
axis.set_xlabel("top-5 accuracy, %")
axis.set_title("Mixtures and single notes, 95 % intervals")
axis.plot([], [], color=ACCENT, marker="o", label="mixtures")
axis.plot([], [], color=CONTRAST, marker="o", label="single notes")
axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

# %% [markdown]
# `paper` is the full triplet loss on one embedding, `ours` family queries with triplets, InfoNCE
# and proxies, one learned point for each training instrument (`benchmarks/recipes`). Two seeds of one
# recipe differ about as much as two recipes: a single run is an anecdote.
#
# ## Exercises
#
# **1.** The docstring of `full_triplet` says that its floor is half of that of `mix_triplet`, which is
# $(S - 1) / (BS + B - 2)$ of the margin. Check it for $B = 4$, $S = 3$ against what `settle` reached, and
# explain what makes the floor vanish.
#
# <details><summary>Solution</summary>
#
# ```python
# B, S = 4, 3
# print((S - 1) / (B * S + B - 2) / 2)
# print(settle(objectives["full triplet"][0], 16)[1])
#
# def without_s(v):
#     return full_triplet(v[12:], v[:12], of_mixture, same_mix_negatives=False)
#
# print(settle(without_s, 16)[1])
# ```
#
# The pairs marked **s** cause it. A mixture must have note A nearer than note B by the margin, and
# B nearer than A by the margin: the two hinges sum to twice the margin whatever the distances. Without
# `same_mix_negatives` nothing contradicts itself, and the loss reaches 0.
# </details>
#
# **2.** InfoNCE sees one batch at a time. How many negatives does a note meet with 6 mixtures of three,
# and with 48? What would you expect of the temperature when there are more?
#
# <details><summary>Solution</summary>
#
# A note meets $3B - 1$ other notes and $B - 1$ other mixtures: 22 for $B = 6$ and 190 for $B = 48$. The
# denominator grows with the number of negatives, of which most are easy. A lower temperature lets the few
# hard ones count. Our own training learns the temperature, and holds each answer against the notes of
# *all* training instruments of its family, not only against those of its batch.
# </details>
#
# **3.** `ask_families` keeps the notes where they are. Let them learn, too. What does a query gain by that,
# and what would a database have to do after such a training?
#
# <details><summary>Solution</summary>
#
# ```python
# def move_both(heard, notes, batch):
#     return pair_infonce(heard.embeddings[batch.owners, batch.queries], notes, 0.07)
#
# methods["notes learn, too"], _ = fine_tune(bundled, move_both)
# ```
#
# Answer and note can meet halfway, so that the loss falls faster. But the space of the notes, which a
# million pairs have formed, now follows six mixtures at a time, and every reference note of a database has
# to be embedded again. Where the notes stay, better ears for mixtures can be trained for the same database.
# </details>
#
# Next: [5 · Evaluate](05_evaluate.ipynb), where small figures get the care that they need.
