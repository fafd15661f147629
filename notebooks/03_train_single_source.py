# %% [markdown]
# # Train on single instruments
#
# Here a network learns timbre while you watch. It starts from random weights, sees pairs of notes for a
# few minutes, and ends up finding instruments that it has never heard. On the way we look at the two
# losses of the paper's section 3, and break both on purpose.
#
# ## What you will learn
#
# - how a batch of pairs becomes a matrix of similarities, and a loss of that matrix;
# - what the triplet loss and InfoNCE reward, and how they differ;
# - how to see whether training works: similarity matrices, and retrieval on held-out instruments;
# - what *collapse* is, and what margin and temperature have to do with it.
#
# The model is the paper's, made small: an Audio Spectrogram Transformer of three layers. With the
# environment variable `CIR_FAST` set, it is trained for a few steps only, and learns nothing.

# %%
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import display

from cir import FAMILIES, TimbreEncoder
from cir.baselines.mfcc import MfccEncoder
from cir.datasets.registry import open_dataset
from cir.losses.pair_infonce import pair_infonce
from cir.losses.pair_triplet import pair_triplet
from cir.mixtures.pool import NotePool
from cir.model.network_config import EncoderConfig
from cir.teaching import (
    ACCENT,
    CONTRAST,
    QUIET,
    players,
    read_instruments,
    search_notes,
    show_losses,
    show_similarity_matrix,
    size,
    train_on_pairs,
    use_style,
)
from cir.training.batches import BatchRenderer
from cir.training.run_config import TrainingConfig
from cir.training.sampler import BatchSampler
from cir.types import SAMPLE_RATE

use_style()

# %% [markdown]
# ## A batch of pairs
#
# The instruments are those of the General MIDI bank TimGM6mb, which comes with the package. The sampler
# draws some, half of them of one family (*hard negatives*: to tell a guitar from a drum is no lesson), and
# two notes of each. The paper's batch has 12 pairs, and so has ours. To be quick, only the first 1.3 s of
# each note are heard, and drums are left out: they have one pitch.

# %%
encoder_config = EncoderConfig(hidden_size=96, n_layers=3, n_heads=3, note_frames=64)
config = TrainingConfig(
    task="pairs",
    data=("soundfont:TimGM6mb.sf2",),
    encoder=encoder_config,
    losses={"pair_infonce": 1.0},
    batch_size=12,
    reference_probability=0.0,
)
dataset = open_dataset(config.data[0])
pitched = [family for family in FAMILIES if family != "percussion"][: size(12, 4)]
pool = NotePool.from_datasets([dataset], split="train", families=pitched)
sampler = BatchSampler(pool, config)
renderer = BatchRenderer(pool, encoder_config, torch.device("cpu"))
print(f"{len(pool.instruments)} training instruments, {len(pool.pitches)} notes")


def draw(step):
    """Two notes of each of 12 instruments, each (12, T); the same for the same step."""
    clips = renderer.pairs(sampler.pairs(step)).notes
    return clips[:, 0], clips[:, 1]


anchors, positives = draw(0)
names = [pool.instruments[number].instrument_id for number in sampler.pairs(0).instruments]
players(
    [
        sound
        for row in range(3)
        for sound in (
            (f"{names[row]}: anchor", anchors[row].numpy()),
            ("its positive", positives[row].numpy()),
        )
    ]
)

# %% [markdown]
# ## Two losses
#
# Let $a_i$ and $p_i$ be the embeddings of the two notes of instrument $i$. The **triplet loss** looks at
# distances $d$, and wants every negative $n$ further away than the positive by a *margin* $m$. What is
# far enough already costs nothing and teaches nothing:
#
# $$\ell_{\mathrm{triplet}} = \max(0, \; d(a_i, p_i) - d(a_i, n) + m)$$
#
# **InfoNCE** makes it a choice: which of the batch is my partner? The cosines $s_{ij}$ of anchor $i$ and
# sound $j$, divided by the *temperature* $\tau$, go through a softmax, and the right answer should be
# likely:
#
# $$\ell_{\mathrm{InfoNCE}} = -\log \frac{\exp(s_{ii} / \tau)}{\sum_j \exp(s_{ij} / \tau)}$$
#
# Both are functions in `cir.losses`, of embeddings alone. On random embeddings InfoNCE with $N$ pairs is
# near $\log N$, the loss of guessing. On embeddings that are all equal the triplet loss is exactly the
# margin.

# %%
generator = torch.Generator().manual_seed(0)
noise = torch.randn(2, 12, 96, generator=generator)
equal = torch.ones(12, 96)
print(f"InfoNCE, random embeddings: {pair_infonce(*noise, temperature=1.0):.2f}")
print(f"log 12:                     {np.log(12):.2f}")
print(f"triplet, equal embeddings:  {pair_triplet(equal, equal, margin=1.0):.2f}")

# %% [markdown]
# ## Before training
#
# Six instruments of the valid and test splits, four notes each, which training will not hear. Each row and
# column is a note; the frames hold the notes of one instrument. For an ideal encoder the frames are red and
# the rest is not.
#
# A fresh network is not *random* in this picture: it makes stripes, dark red and dark blue. It has about
# one axis, and puts each note at one end of it or at the other, which says little about
# who plays. That is where training starts.

# %%
instruments = read_instruments(dataset, limit=size(200, 8))
training_ids = {row.instrument_id for row in dataset.instruments("train")}
held_out = [one for one in instruments if one.instrument_id not in training_ids]
held_out = held_out or instruments[:6]
shown = held_out[:: max(1, len(held_out) // 6)][:6]
N_NOTES = 4
labels = [one.instrument_id.split("-", 3)[-1] for one in shown]
shown_notes = [note.audio for one in shown for note in one.notes[:N_NOTES]]


def matrix(encoder):
    """Cosines of the notes that are shown, (24, 24)."""
    embeddings = encoder.embed(shown_notes, SAMPLE_RATE)
    return embeddings @ embeddings.T


fresh = TimbreEncoder.from_config(encoder_config)
before = matrix(fresh)
off_diagonal = ~np.eye(len(before), dtype=bool)
print(f"cosines of different notes: {before[off_diagonal].min():.3f} at least")

# %% [markdown]
# ## Training, live
#
# `train_on_pairs` is the whole loop: draw, embed, loss, gradient, step. It is thirty lines; read them in
# `cir/teaching/contrast.py`. (`cir train` does the same with checkpoints, validation, several processes
# and a GPU.) We pass it a function that it calls after each step, and that redraws the figure now and
# then: on the left the loss, on the right the matrix of the held-out notes as it takes shape.

# %% alt="Loss by step of InfoNCE, and the similarity matrix of held-out notes as it is now"
steps = size(300, 2)
losses = {}


def train_live(name, loss_of):
    """Train with a figure that follows; the encoder."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.9), width_ratios=(1.3, 1))
    plt.close(figure)  # or it would be shown once more at the end of the cell
    handle = display(figure, display_id=True)
    seen = losses[name] = []

    def watch(step, loss, encoder):
        seen.append(loss)
        if step % max(1, steps // 8) == 0:
            left.clear()
            right.clear()
            show_losses(left, {name: seen}, title=f"{name}: loss")
            left.set_xlim(0, steps)
            show_similarity_matrix(
                right, matrix(encoder), labels, group_size=N_NOTES, title=f"step {step}"
            )
            handle.update(figure)

    return train_on_pairs(draw, loss_of, steps=steps, config=encoder_config, watch=watch)


by_infonce = train_live("InfoNCE", partial(pair_infonce, temperature=0.1))

# %% [markdown]
# And the same with the triplet loss, from the same weights and with the same batches.

# %% alt="Loss by step of the triplet loss, and the similarity matrix of held-out notes as it is now"
by_triplet = train_live("triplet", partial(pair_triplet, margin=1.0))

# %% [markdown]
# ## Before and after
#
# Does it help to find instruments? Each note of a held-out instrument, but for its reference note, is
# looked for among the reference notes of *all* instruments of the sound font, trained and held out.
# MFCCs, which learn nothing, stand beside them.

# %% alt="Three similarity matrices of held-out notes: before training, after InfoNCE, after the triplet loss"
figure, grid = plt.subplots(1, 3, figsize=(10, 3.6))
for axes, encoder, title in zip(
    grid, (fresh, by_infonce, by_triplet), ("before", "after InfoNCE", "after triplet")
):
    image = show_similarity_matrix(
        axes, matrix(encoder), labels if axes is grid[0] else (), group_size=N_NOTES, title=title
    )
figure.colorbar(image, ax=grid, label="cosine", shrink=0.7)
plt.show()

# %%
mfcc = MfccEncoder.fit([one.reference.audio for one in instruments], SAMPLE_RATE)
contestants = {"before": fresh, "InfoNCE": by_infonce, "triplet": by_triplet, "MFCC": mfcc}
for name, encoder in contestants.items():
    found = search_notes(encoder, instruments, held_out).scores()
    top_1, top_5 = found.estimates["top_1"], found.estimates["top_5"]
    low, high = top_5.interval
    print(f"{name:8s} top-1 {top_1.value:6.1%}   top-5 {top_5.value:6.1%}  [{low:.1%}, {high:.1%}]")
print(f"chance   top-1 {top_1.chance:6.1%}   top-5 {top_5.chance:6.1%}")

# %% [markdown]
# Compare the figures with the matrices. After the triplet loss almost everything is red, and still it finds
# instruments. Colour shows how *wide* the space is, and for a search only the *order* counts: who is nearest.
# A margin of 1 between vectors of a length of about 10 is an angle of a few degrees, and the loss asks for
# no more. InfoNCE sees nothing but angles, and opens them.
#
# ## Collapse
#
# What holds the space open? Only the negatives. Take them away, keep "the two of a pair shall be equal",
# and there is a perfect solution: map every sound to one point. The loss is 0 and the encoder is
# worthless. This is *collapse*. Three numbers show it (Wang and Isola 2020), on unit vectors $f(x)$ of
# held-out notes:
#
# - **alignment**, the mean of $\|f(x) - f(x^+)\|^2$ over notes of one instrument: small is good;
# - **uniformity**, $\log$ of the mean of $\exp(-2 \|f(x) - f(y)\|^2)$ over all pairs: 0 is one point, and
#   the lower, the wider spread out;
# - **effective dimensions**, the exponential of the entropy of the spectrum of their covariance: how many
#   directions are used at all.

# %%
notes_heard = [note.audio for one in held_out for note in one.notes[:N_NOTES]]
owners = np.repeat(np.arange(len(held_out)), [len(one.notes[:N_NOTES]) for one in held_out])
same = (owners[:, None] == owners) & ~np.eye(len(owners), dtype=bool)
others = ~np.eye(len(owners), dtype=bool)


def look_at(encoder):
    """Alignment, uniformity and effective dimensions."""
    embeddings = encoder.embed(notes_heard, SAMPLE_RATE).astype(np.float64)
    distances = 2 - 2 * embeddings @ embeddings.T
    centred = embeddings - embeddings.mean(0)
    shares = np.linalg.svd(centred, compute_uv=False) ** 2
    shares = shares / shares.sum()
    entropy = -(shares * np.log(shares + 1e-12)).sum()
    uniformity = np.log(np.exp(-2 * distances[others]).mean())
    return distances[same].mean(), uniformity, np.exp(entropy)


def without_negatives(anchors, positives):
    """Positives shall be equal; nothing else matters."""
    return (1 - torch.cosine_similarity(anchors, positives)).mean()


short = size(100, 1)
recipes = {
    "no negatives": without_negatives,
    "triplet, margin 0.1": partial(pair_triplet, margin=0.1),
    "triplet, margin 1": partial(pair_triplet, margin=1.0),
    "triplet, margin 10": partial(pair_triplet, margin=10.0),
    "InfoNCE, temperature 0.02": partial(pair_infonce, temperature=0.02),
    "InfoNCE, temperature 0.1": partial(pair_infonce, temperature=0.1),
    "InfoNCE, temperature 1": partial(pair_infonce, temperature=1.0),
}
trained = {
    name: train_on_pairs(draw, loss_of, steps=short, config=encoder_config)
    for name, loss_of in recipes.items()
}
looks = {name: look_at(encoder) for name, encoder in trained.items()}
found = {name: search_notes(one, instruments, held_out).scores() for name, one in trained.items()}
for name in recipes:
    alignment, uniformity, dimensions = looks[name]
    print(
        f"{name:26s} alignment {alignment:.3f}   uniformity {uniformity:6.2f}   "
        f"dimensions {dimensions:5.1f}   top-5 {found[name].estimates['top_5'].value:6.1%}"
    )

# %% alt="Seven recipes: alignment against uniformity on the left, top-5 accuracy on the right"
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), width_ratios=(1.2, 1))
colours = {"no": QUIET, "triplet": CONTRAST, "InfoNCE": ACCENT}
for row, name in enumerate(recipes):
    kind = name.replace(",", " ").split()[0]
    alignment, uniformity, _ = looks[name]
    left.plot(uniformity, alignment, "o", color=colours[kind])
    value = name.split()[-1] if kind != "no" else name
    shift = (-4, 14) if kind == "no" else (6, 3)
    left.annotate(value, (uniformity, alignment), shift, textcoords="offset points", fontsize=9)
    top_5 = found[name].estimates["top_5"]
    right.plot(top_5.interval, [row, row], color=colours[kind])
    right.plot(top_5.value, row, "o", color=colours[kind])
left.set(xlabel="uniformity (left: spread out)", ylabel="alignment (low: pairs are near)")
left.set_xlim(right=0.4)
left.set_title("The space (labels: margin or temperature)")
right.axvline(top_5.chance, color=QUIET, linewidth=1, linestyle=":")
right.set_yticks(range(len(recipes)), list(recipes))
right.set(xlim=(0, 1), xlabel="top-5 accuracy (dotted: chance)", title="Held-out instruments")
right.invert_yaxis()
plt.show()

# %% [markdown]
# Without negatives everything lies in one point: alignment is perfect, and the encoder finds no more than
# the fresh one did. The others can be read as answers to one question: how far does the loss push apart
# before it is content?
#
# The **margin** is in units of the embedding, whose length is about $\sqrt{96} \approx 10$ at the start (the
# network ends in a layer norm, and nothing is normalised for the triplet loss). A small one is reached
# while all is still close together. Alignment and uniformity then look like collapse, but they are not: the
# little that is left is in the right order, and the search finds by it. A margin as large as the space is
# never reached; every triplet goes on pushing, the easy ones too, and pairs are torn apart with the rest.
#
# The **temperature** is the same choice for InfoNCE. At $\tau = 0.02$ cosines that differ by a few hundredths
# decide the softmax already, so the space stays narrow, and only the nearest negatives matter. At $\tau = 1$
# cosines between -1 and 1 can raise the right answer over another by a factor of $e^2$ at most: the loss is
# never content, pushes everything apart and neglects the pairs. The paper's 0.1 lies between. So does what
# to look at: uniformity alone finds collapse, and only a search on held-out instruments finds the better
# encoder. (After so few steps the intervals are wide; train longer before you choose.)
#
# ## Exercises
#
# **1. The floor of InfoNCE.** With 12 pairs, a perfect space (cosine 1 for the pair, at best -1 for all
# others), what is the least loss at $\tau = 1$? And at $\tau = 0.1$?
#
# <details>
# <summary>Solution</summary>
#
# ```python
# for temperature in (1.0, 0.1):
#     positive, negative = np.exp(1 / temperature), 11 * np.exp(-1 / temperature)
#     print(temperature, -np.log(positive / (positive + negative)))
# ```
#
# At $\tau = 1$ the loss stays near 1 whatever the network does, and its gradient goes on pulling at
# pairs that are right already. (And 12 vectors cannot all be opposite to each other, so even this floor
# is out of reach.)
#
# </details>
#
# **2. Only the hardest.** Write a triplet loss that takes each anchor's *nearest* negative instead of
# all. Train it for `short` steps from the same weights. Watch the uniformity: hardest-negative mining is
# known to collapse early in training.
#
# <details>
# <summary>Solution</summary>
#
# ```python
# def hardest_triplet(anchors, positives, margin=1.0):
#     distances = torch.cdist(anchors, positives)
#     positive = distances.diagonal()
#     itself = torch.eye(len(anchors), dtype=torch.bool)
#     nearest = distances.masked_fill(itself, torch.inf).min(1).values
#     return (positive - nearest + margin).clamp_min(0).mean()
#
#
# encoder = train_on_pairs(draw, hardest_triplet, steps=short, config=encoder_config)
# print("alignment {:.3f}, uniformity {:.2f}, dimensions {:.1f}".format(*look_at(encoder)))
# print(f"top-5 {search_notes(encoder, instruments, held_out).scores().estimates['top_5'].value:.1%}")
# ```
#
# While everything is similar, the nearest negative is as near as the positive, and the cheapest way to
# shorten both distances is to shrink the space. The mean over all negatives, as in the paper, is safer.
#
# </details>
#
# **3. Larger batches.** InfoNCE gets more negatives from a larger batch. Compare `batch_size=12` with 24
# at the same number of *sounds seen*, that is half the steps.
#
# <details>
# <summary>Solution</summary>
#
# ```python
# from dataclasses import replace
#
# wide = BatchSampler(pool, replace(config, batch_size=24))
#
#
# def draw_wide(step):
#     clips = renderer.pairs(wide.pairs(step)).notes
#     return clips[:, 0], clips[:, 1]
#
#
# encoder = train_on_pairs(
#     draw_wide,
#     partial(pair_infonce, temperature=0.1),
#     steps=short // 2,
#     config=encoder_config,
# )
# print(f"top-5 {search_notes(encoder, instruments, held_out).scores().estimates['top_5'].value:.1%}")
# ```
#
# At so few steps the number of steps counts more than the number of negatives. Where time is no limit,
# the larger batch wins: our own model learns from 256 notes at a time.
#
# </details>
