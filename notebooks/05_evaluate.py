# %% [markdown]
# # 5 · Evaluate
#
# A retrieval model is worth what its figures say, and figures are easily made to flatter. This
# notebook repeats the protocol of the paper's two tables at small scale, with an interval on every
# figure, and then asks two questions that the tables leave open: are the chances beside the matches
# true, and does the model notice an instrument that is not in the database?
#
# ## What you will learn
#
# - how query by example (QbE) is scored: references, ranks, top-k, and what chance alone gives,
# - why an interval must redraw *instruments*, not queries, and how far too narrow the other one is,
# - how to read the paper's Tables 1 and 2 beside those of this repository,
# - what calibration, ECE and AUROC measure, and how an open-set answer can fail.
#
# The instruments that we search are those of the bundled General MIDI bank, TimGM6mb. The bundled
# model was trained on other banks (`configs/cir-small.yaml`) and has heard none of them. With the
# environment variable `CIR_FAST` set, fewer of them take part.

# %%
import json
from collections import Counter
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display

import cir
from cir import TimbreEncoder
from cir.baselines.mfcc import MfccEncoder
from cir.datasets.registry import open_dataset
from cir.evaluation.bootstrap import (
    draw_counts,
    group_numbers,
    percentile_interval,
    resampled_means,
)
from cir.evaluation.gallery import Gallery
from cir.metrics import chance_top_k, hits, target_ranks, top_k_accuracy
from cir.evaluation.mixture_stream import MixtureSet
from cir.evaluation.mixtures import evaluate_mixtures
from cir.evaluation.open_set import evaluate_open_set
from cir.evaluation.scores import score
from cir.teaching import ACCENT, CONTRAST, QUIET, players, size, use_style
from cir.types import SAMPLE_RATE

use_style()
ROOT = Path(cir.__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
encoder = TimbreEncoder.from_pretrained()
print("model", encoder.identity, "with", len(encoder.families), "family queries")

# %% [markdown]
# ## The protocol
#
# A **gallery** lists the candidates: the instruments of *all* splits, each known by one **reference
# note**. Queries are notes of the **test** split only. So the right answer is always an instrument
# that training never heard, and it stands among others that training may have heard.

# %%
gallery = Gallery([open_dataset("soundfont:TimGM6mb.sf2")])
print(len(gallery), "candidates;", Counter(entry.split for entry in gallery.entries))

players_tested = [int(row) for row in gallery.of_split("test")][:: size(1, 6)]
candidates = np.union1d(players_tested, gallery.of_split("all")[:: size(1, 20)])
references = {row: note.audio for row, note in gallery.references(candidates)}
print(len(references), "of them take part, with", len(players_tested), "test instruments")

# %% [markdown]
# Scoring takes four lines. Embed the references, embed the queries, compare each with each, and
# count how many candidates are at least as near as the right one: that is its **rank**. Ties count
# against the target, so that a model which maps everything to one point comes last and not first.

# %%
rows = list(references)
index = encoder.embed(list(references.values()), SAMPLE_RATE)  # (N, D), unit vectors
queries, targets, owners = [], [], []
for row in players_tested:
    for note in gallery.notes(row)[1:]:  # without the reference note: it would find itself
        queries.append(note.audio)
        targets.append(rows.index(row))
        owners.append(gallery.entries[row].instrument_id)
similarities = encoder.embed(queries, SAMPLE_RATE) @ index.T  # (Q, N), cosines
ranks = target_ranks(similarities, targets)

for k in (1, 5):
    print(
        f"top-{k}: {100 * top_k_accuracy(ranks, k):.1f} % of {len(ranks)} queries"
        f" (at random {100 * chance_top_k(len(rows), k):.1f} %)"
    )

# %% [markdown]
# Never trust a table whose queries you have not heard. Here are a note that was found at once and the one that
# was missed by most, each with the reference that the model thought nearest and the right one.

# %%
for label, query in (("found", int(ranks.argmin())), ("missed", int(ranks.argmax()))):
    nearest = rows[int(similarities[query].argmax())]
    right = rows[targets[query]]
    print(f"{label}: rank {ranks[query]} of {len(rows)}")
    display(
        players(
            [
                (f"query: {gallery.entries[right].instrument_id}", queries[query]),
                (f"nearest: {gallery.entries[nearest].instrument_id}", references[nearest]),
                (f"right: {gallery.entries[right].instrument_id}", references[right]),
            ]
        )
    )

# %% [markdown]
# ## An interval that is honest
#
# How far would the figure move with *other* instruments? The bootstrap redraws the data with
# replacement and looks. But what is one datum? The notes of one instrument rise and fall together:
# if its reference note is untypical, all ten are lost at once. Redrawing single queries pretends
# that each of them was a fresh opinion. We redraw whole instruments instead (the *cluster*
# bootstrap), and compare.

# %% alt="Two histograms of resampled accuracies: redrawing instruments spreads wider than redrawing queries"
right = hits(ranks, 1)
generator = np.random.default_rng(0)
clusters = group_numbers(owners)
choices = {"queries": np.arange(len(right)), "instruments": clusters}
fig, axis = plt.subplots(figsize=(7, 2.8))
for row, (name, groups) in enumerate(choices.items()):
    counts = draw_counts(int(groups.max()) + 1, 2_000, generator)
    replicates = resampled_means(right, groups, counts)
    low, high = percentile_interval(replicates)
    colour = (QUIET, ACCENT)[row]
    axis.hist(100 * replicates, bins=40, color=colour, alpha=0.6, label=f"redrawing {name}")
    axis.plot([100 * low, 100 * high], [-8 - 12 * row] * 2, color=colour, linewidth=4)
    print(f"redrawing {name:12} 95 % [{100 * low:.1f}, {100 * high:.1f}]")
axis.axvline(100 * right.mean(), color="black", linewidth=1)
axis.set(xlabel="top-1 accuracy, %", yticks=[], title="The same figure, two ideas of its error")
axis.legend()
plt.show()

# %% [markdown]
# All intervals from here on, and all in the README, are of the second kind.
#
# ## Table 1: single notes
#
# The same queries for a method without training, mean and deviation of MFCCs, and for the same
# network without training. `score` turns ranks into figures with intervals. The **paper's way** lets
# the reference notes be asked for as well; each then finds itself, at similarity 1. We show both, because
# figures of the two kinds must never stand in one column.

# %% alt="Top-1 and top-5 accuracy with intervals of three methods, references excluded and the paper's way"
methods = {
    "MFCC": MfccEncoder.fit(list(references.values()), SAMPLE_RATE),
    "untrained": TimbreEncoder.from_config(encoder.config),
    "bundled model": encoder,
}


def single_notes(method, *, with_references):
    """Figures of a method on the notes of the test instruments."""
    known = method.embed(list(references.values()), SAMPLE_RATE)
    asked, wanted, whose = list(queries), list(targets), list(owners)
    if with_references:
        asked += [references[row] for row in players_tested]
        wanted += [rows.index(row) for row in players_tested]
        whose += [gallery.entries[row].instrument_id for row in players_tested]
    found = target_ranks(method.embed(asked, SAMPLE_RATE) @ known.T, wanted)
    return score(found, whose, len(rows))


def show_row(axis, place, estimate, colour, marker="o"):
    """A figure with its interval, in %."""
    low, high = estimate.interval or (estimate.value, estimate.value)
    axis.plot([100 * low, 100 * high], [place, place], color=colour)
    axis.plot(100 * estimate.value, place, marker, color=colour)


figures = {
    (name, with_references): single_notes(method, with_references=with_references)
    for name, method in methods.items()
    for with_references in (False, True)
}
fig, axes = plt.subplots(1, 2, figsize=(10, 2.6), sharey=True)
for axis, k in zip(axes, (1, 5), strict=True):
    for (name, with_references), scores in figures.items():
        place = list(methods).index(name) + (0.15 if with_references else -0.15)
        colour = CONTRAST if with_references else ACCENT
        show_row(axis, place, scores.estimates[f"top_{k}"], colour)
    axis.axvline(100 * chance_top_k(len(rows), k), color="black", linestyle=":", linewidth=1)
    axis.set(xlabel=f"top-{k} accuracy, %", xlim=(0, 100))
    axis.grid(axis="x")
axes[0].set_yticks(range(len(methods)), methods)
axes[0].invert_yaxis()
axes[1].plot([], [], "o-", color=ACCENT, label="references excluded")
axes[1].plot([], [], "o-", color=CONTRAST, label="the paper's way")
axes[1].legend(loc="lower left")
plt.show()

# %% [markdown]
# ## Table 2: mixtures
#
# Three instruments of the test split play at once, and each is searched for among the references of
# its *family*, as the paper does. `evaluate_mixtures` plays each mixture once for all methods and gives a row for
# every family. The paper fixes percussion, bass and synth lead; this bank has a single test
# instrument in most families, so we let any three pitched ones meet. Bars of one instrument have no interval:
# there is nothing to redraw.

# %% alt="Bars of top-1 accuracy in mixtures by family for three methods"
of_test = {entry.family for entry in gallery.entries if entry.split == "test" and entry.family}
FAMILIES = tuple(sorted(of_test - {"percussion"}))[: size(12, 3)]
mixtures = MixtureSet(n_mixtures=size(120, 2), families=FAMILIES, n_stems=3)
results = evaluate_mixtures(methods, gallery, mixtures)

fig, axis = plt.subplots(figsize=(9, 3))
width = 0.27
asked = [name for name in results[0]["scores"] if name != "mean"]
for shift, (result, colour) in enumerate(zip(results, (QUIET, CONTRAST, ACCENT), strict=True)):
    values = [100 * result["scores"][family]["top_1"]["value"] for family in asked]
    places = np.arange(len(asked)) + (shift - 1) * width
    axis.bar(places, values, width, color=colour, label=result["name"])
    print(f"{result['name']:15} mean top-1 {100 * result['primary']['value']:.1f} %")
chances = [100 * result["scores"][family]["top_1"]["chance"] for family in asked]
axis.plot(range(len(asked)), chances, "_", color="black", markersize=24, label="at random")
axis.set_xticks(range(len(asked)), [family.replace("_", " ") for family in asked], rotation=30)
axis.set(ylabel="top-1 accuracy, %", title="Mixtures of three, by the family that was asked for")
axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

# %% [markdown]
# This is what a benchmark of a dozen instruments looks like: whole families at nothing or at everything, and a
# mean that hides it. The real evaluation has more instruments and took longer; its figures lie in
# `benchmarks/results`, written by the commands in the README.
#
# ## The paper's figures beside ours
#
# Every row of both tables of the paper that was measured here, on open data. The paper's own figures
# (diamonds) are from *its* data and from a much larger network, which was pre-trained on AudioSet and has seen
# ten times as many sounds as the rows called small; they say how far there is to go, not which of two methods is better.


# %% alt="All rows of the paper's two tables as measured here with intervals, the paper's figures as diamonds"
def read(name):
    """Results that `cir evaluate -o` wrote, without rows that could not be measured."""
    results = json.loads((RESULTS / name).read_text(encoding="utf-8"))["results"]
    return [one for one in results if "primary" in one]


tables = [("single notes", "all", read("table_single.json"))]
tables.append(("mixtures of three", "mean", read("table_mixtures.json")))
fig, axes = plt.subplots(2, 1, figsize=(9.5, 8.5), height_ratios=[len(one[2]) for one in tables])
for axis, (title, key, rows_of_table) in zip(axes, tables, strict=True):
    for place, one in enumerate(rows_of_table):
        for k, colour in ((1, ACCENT), (5, CONTRAST)):
            figure = one["scores"][key][f"top_{k}"]
            axis.plot([100 * figure["low"], 100 * figure["high"]], [place] * 2, color=colour)
            axis.plot(100 * figure["value"], place, "o", color=colour)
            if one.get("paper"):
                axis.plot(one["paper"][f"top_{k}"], place, "D", color=colour, fillstyle="none")
    axis.set_yticks(range(len(rows_of_table)), [one["name"] for one in rows_of_table])
    axis.invert_yaxis()
    axis.grid(axis="x")
    axis.set(xlim=(0, 100), title=title)
axes[1].set_xlabel("accuracy, %")
for label, marker, colour in (
    ("top-1 here", "o-", ACCENT),
    ("top-5 here", "o-", CONTRAST),
    ("paper", "D", QUIET),
):
    axes[0].plot(
        [], [], marker, color=colour, fillstyle="none" if marker == "D" else "full", label=label
    )
axes[0].legend(loc="lower right")
plt.show()

# %% [markdown]
# Four questions to ask of any such table:
#
# 1. **How many instruments?** Five thousand mixtures sound like a lot; the intervals are wide because
#    only a few dozen test instruments play in them.
# 2. **How many candidates?** Top-5 of 100 percussion instruments and of 400 leads are different tasks.
# 3. **Who saw how much?** "Small" rows compare methods at one budget, and say little about larger ones.
# 4. **What is told?** True stems and ideal masks know what nobody knows; they are bounds, not methods.

# %%
for one in read("table_mixtures.json")[:1]:
    for family, row in one["scores"].items():
        print(
            f"{family:11} {row['queries']:6} queries, {row['instruments']:3} test instruments, "
            f"{row['candidates']:5.0f} candidates, at random {100 * row['top_1']['chance']:.1f} %"
        )

# %% [markdown]
# ## Is the chance true?
#
# Beside a match stands a chance, such as "70 %". It is **calibrated** where, of all answers given with
# 70 %, 70 % are right. A reliability diagram shows it bin by bin, and the expected calibration error
# (ECE) is the mean distance from the diagonal, weighted by how many answers are in each bin:
#
# $$\mathrm{ECE} = \sum_{b} \frac{n_b}{n} \left| \mathrm{acc}(b) - \mathrm{conf}(b) \right|$$
#
# ## Does it notice what is missing?
#
# In an **open set** the right answer may not be there at all. Two ways: the *instrument* is missing (its
# reference was taken away), or its whole *family* does not play. From the similarities the model makes a novelty score;
# AUROC is how often a missing one scores above a present one, 0.5 being a coin.
#
# We run `evaluate_open_set` on our small gallery with the chances that come with the bundled
# database, and put the large measurement of the repository beside it. There are only a few different chances:
# each is a level with many instruments behind it, so that the highest is no more than the data support.

# %% alt="Two reliability diagrams: stated chance against the share that was right, for this bank and for Surge"
here = evaluate_open_set(encoder, gallery, MixtureSet(size(120, 2), families=FAMILIES, n_stems=3))
large = read("open_set.json")[0]
fig, axes = plt.subplots(1, 2, figsize=(8.5, 4), sharey=True)
for axis, one, title in ((axes[0], here, "this bank"), (axes[1], large, "Surge and Surge XT")):
    filled = [entry for entry in one["reliability"]["top_1"] if entry["count"]]
    axis.plot([0, 1], [0, 1], color="black", linestyle=":", linewidth=1)
    axis.scatter(
        [entry["chance"] for entry in filled],
        [entry["accuracy"] for entry in filled],
        s=[20 + 300 * entry["count"] / sum(e["count"] for e in filled) for entry in filled],
        color=ACCENT,
    )
    axis.set(xlabel="chance that was stated", title=title, xlim=(0, 1), ylim=(0, 1), aspect="equal")
axes[0].set_ylabel("share that was right")
plt.show()

for title, one in (("this bank", here), ("Surge", large)):
    error = one["ece"]["top_1"]  # None where no chance is shown
    print(f"{title:10} ECE {'-' if error is None else round(error['value'], 3)}", end="   ")
    for kind, area in one["auroc"].items():
        if area is not None:
            low, high = area["low"], area["high"]
            interval = "" if low is None else f" [{low:.2f}, {high:.2f}]"
            print(f"AUROC, {kind} missing: {area['value']:.2f}{interval}", end="   ")
    print(f"false alarms {100 * one['threshold']['false_alarm']:.0f} %")

# %% [markdown]
# Chances that were fitted on one kind of database are used on another here, and it shows: compare
# the two diagrams. A point below the diagonal is overconfidence, the kind that misleads people; above it, the
# model is better than it says. And an AUROC near 0.5 is an honest answer to a hard question: a similar instrument is
# always at hand, and a lead that is *nearly* right looks very much like the right one.
#
# ## Exercises
#
# **1.** A colleague evaluates with 50 mixtures of one bass and reports "88 % ± 4 %". What is wrong, and
# what can be said of *basses* from this experiment?
#
# <details><summary>Solution</summary>
#
# The interval redraws mixtures and treats them as independent. With a single instrument, the cluster bootstrap
# has one group: every resample is the same data, so no interval exists (`Estimate.interval` is `None`). The
# experiment says how one bass fares in many mixtures, and nothing about basses.
# </details>
#
# **2.** Mean reciprocal rank (MRR) is the mean of $1/r$. Compute it for our single notes, and its value for a random
# ranking of $N$ candidates. Why is it a better guide while training than top-1?
#
# <details><summary>Solution</summary>
#
# ```python
# from cir.metrics import chance_mean_reciprocal_rank, mean_reciprocal_rank
# print(mean_reciprocal_rank(ranks), chance_mean_reciprocal_rank(len(rows)))
# ```
#
# At random it is the harmonic number over $N$, $H_N / N$. It still moves when a target climbs from rank 9 to
# rank 3, which top-1 does not see; early in training nearly all progress is of that kind.
# </details>
#
# **3.** A model states the same chance, its average accuracy, beside every answer. What is its ECE, and what
# good is it?
#
# <details><summary>Solution</summary>
#
# All answers fall into one bin whose mean chance equals its accuracy: the ECE is 0. It is perfectly calibrated
# and says nothing about any single answer. Calibration must be read together with how far the chances spread.
# </details>
#
# **4.** Take mixtures in which the paper's percussion is 12 dB above the others
# (`MixtureConfig(percussion_gain_db=...)`). How does the mean over families hide what happens to the bass?
#
# <details><summary>Solution</summary>
#
# ```python
# paper = MixtureSet(size(60, 1), families=("percussion", "bass", "synth_lead"))
# (result,) = evaluate_mixtures({"model": encoder}, gallery, paper)
# for family, row in result["scores"].items():
#     print(family, row["top_1"]["value"])
# ```
#
# The louder percussion masks the others, the bass most of all where it shares the low bands. The mean of three
# families is one number for three tasks of different difficulty, and moves when any of them does;
# `cir evaluate conditions` measures the levels one by one.
# </details>
#
# Next: [6 · Explore and search](06_explore_and_search.ipynb).
