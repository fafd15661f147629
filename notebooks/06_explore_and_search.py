# %% [markdown]
# # 6 · Explore and search
#
# The earlier notebooks made models; this one uses one. We take the model that ships with the
# repository, give it music, and look at the space in which it answers.
#
# ## What you will learn
#
# - how a mix becomes matches: windows, one embedding per family, cosines, chances,
# - what a timbre map shows and what it cannot, and how *trustworthiness* puts a number on that,
# - how to build a searchable database of your own sounds, and what Chroma is for,
# - what would go to the Hugging Face Hub, without sending anything.
#
# Everything is local: the model, 2 000 instruments with their previews, and the example mixes are part
# of the repository.

# %%
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display

import cir
from cir import InstrumentDatabase, Retriever, TimbreEncoder
from cir.audio.io import load_audio
from cir.library.sounds import Labels, add_sounds
from cir.index.timbre_map import (
    nearest_neighbors,
    place,
    principal_plane,
    trustworthiness,
)
from cir.retrieval.retriever import embed_query
from cir.teaching import (
    ACCENT,
    CONTRAST,
    QUIET,
    colour_of,
    marker_of,
    players,
    show_log_mel,
    size,
    use_style,
)

use_style()
ROOT = Path(cir.__file__).parents[1]
ASSETS = ROOT / "cir" / "assets"
scratch = tempfile.TemporaryDirectory(prefix="cir-notebook-")
workspace = Path(scratch.name)

# %% [markdown]
# ## A model and its database
#
# `TimbreEncoder.from_pretrained()` loads the bundled model; `from_pretrained("OWNER/NAME")` one from the
# Hub. A database remembers the **identity** of the model that made it, and refuses any other: embeddings
# of two models live in two spaces, and a cosine between them means nothing.

# %% alt="Bars: how many instruments of each family the database has"
encoder = TimbreEncoder.from_pretrained()
database = InstrumentDatabase.open(encoder=encoder)
info = database.info()
n_parameters = sum(weights.numel() for weights in encoder.network.parameters())
print(
    f"{n_parameters / 1e6:.1f} million parameters, embeddings of {encoder.embedding_size} numbers"
)
print(f"{info.n_instruments} instruments from {len(info.banks)} banks; sources {info.sources}")

fig, axis = plt.subplots(figsize=(8, 2.8))
families = [family for family in info.families if family != "none"]
axis.bar(
    [family.replace("_", " ") for family in families],
    [info.families[family] for family in families],
    color=[colour_of(family) for family in families],
)
axis.tick_params(axis="x", rotation=40)
axis.set(ylabel="instruments", title="What can be found")
plt.show()

# %% [markdown]
# ## Search a mix
#
# The first example: ten seconds of three instruments, none of which the model was trained on. What
# plays is known, so we can see how well it is answered. The mix is cut into overlapping windows; each
# is read once and answers every family; the answers are averaged over the windows.

# %% alt="Log-mel of the example mix"
example = json.loads((ASSETS / "examples" / "examples.json").read_text(encoding="utf-8"))[
    "examples"
][0]
mix, sample_rate = load_audio(ASSETS / "examples" / example["file"])
truth = {one["family"]: one["instrument_id"] for one in example["instruments"]}

retriever = Retriever(encoder, database)
timings = []
started = time.perf_counter()
results = retriever.search(
    mix, list(truth), top_k=5, sample_rate=sample_rate, on_timings=timings.append
)
print(f"first search, index included: {time.perf_counter() - started:.2f} s")
results = retriever.search(
    mix, list(truth), top_k=5, sample_rate=sample_rate, on_timings=timings.append
)
print(
    f"second: decoding {1000 * timings[1].decode_seconds:.0f} ms, "
    f"model {1000 * timings[1].embed_seconds:.0f} ms, "
    f"database {1000 * timings[1].search_seconds:.0f} ms"
)

fig, axis = plt.subplots(figsize=(9, 2.6))
show_log_mel(axis, mix, sample_rate, title=example["title"])
plt.show()
display(players([("The mix", mix)], sample_rate))

# %% [markdown]
# Listen to the mix, then to the matches. A star marks what really played. The **similarity** is a cosine; the
# **chance** is calibrated, given that the database has the instrument at all. It is one of a few levels, and
# only there for families with enough data. Whether the database has the instrument is judged apart.

# %%
for result in results:
    judgement = result.judgement
    absent = " · probably not in this database" if judgement and judgement.is_absent else ""
    print(f"\n{result.family}{absent}")
    heard = []
    for match in result.matches:
        star = "*" if match.instrument.instrument_id == truth[result.family] else " "
        chance = "" if match.chance is None else f"{100 * match.chance:4.0f} %"
        print(f" {star}{match.rank}. {match.similarity:5.2f} {chance}  {match.instrument.name}")
        if match.preview is not None and match.rank <= 3:
            audio, rate = load_audio(match.preview)
            heard.append((f"{match.rank}. {match.instrument.name}", audio[: 3 * rate]))
    display(players(heard, rate))

# %% [markdown]
# Behind the five names stands a whole distribution. Each histogram has the similarities of all
# candidates of a family; the line is the instrument that really plays. Where it stands out on the right, the answer is
# easy; where it drowns among the others, the model should say so with a low chance.

# %% alt="Histograms of similarities of all candidates for each family, with a line where the true instrument stands"
answers = embed_query(mix, list(truth), sample_rate=sample_rate, encoder=encoder)
ids = {}
fig, axes = plt.subplots(1, len(truth), figsize=(11, 2.6))
for axis, (family, embedding) in zip(axes, answers.items(), strict=True):
    similarities = database.similarities(embedding, family)
    ids[family] = [one.instrument_id for one in database.instruments() if one.family == family]
    own = similarities[ids[family].index(truth[family])]
    rank = int((similarities >= own).sum())
    axis.hist(similarities, bins=40, color=colour_of(family), alpha=0.7)
    axis.axvline(own, color="black")
    axis.set(title=f"{family.replace('_', ' ')}: rank {rank} of {len(similarities)}", yticks=[])
    axis.set_xlabel("similarity")
plt.show()

# %% [markdown]
# ## The timbre map
#
# The database carries a map: UMAP has laid its embeddings out in the plane so that near neighbours stay near. The
# three answers of the mix are placed among their nearest instruments (crosses); a ring of the same colour is what really plays.

# %% alt="Map of all instruments coloured by family, with the three answers of the mix and what really plays"
identifiers, embeddings = database.embeddings()
coordinates = database.coordinates()
catalog = list(database.instruments())
fig, axis = plt.subplots(figsize=(9, 7))
for family in families:
    chosen = np.array([one.family == family for one in catalog])
    axis.scatter(
        *coordinates[chosen].T,
        s=12,
        color=colour_of(family),
        marker=marker_of(family),
        alpha=0.6,
        linewidths=0,
        label=family.replace("_", " "),
    )
for family, embedding in answers.items():
    x, y = place(embedding, embeddings, coordinates)
    axis.plot(x, y, "P", markersize=15, color=colour_of(family), markeredgecolor="black")
    axis.plot(
        *coordinates[identifiers.index(truth[family])],
        "o",
        markersize=16,
        markeredgewidth=3,
        fillstyle="none",
        color=colour_of(family),
    )
axis.spines[:].set_visible(False)
axis.set(xticks=[], yticks=[], title="Near is alike; far, and the axes, mean nothing")
axis.legend(loc="center left", bbox_to_anchor=(1, 0.5), markerscale=2)
plt.show()

# %% [markdown]
# ### How far can it be trusted?
#
# From 192 dimensions to 2 something must give. **Trustworthiness** (Venna and Kaski 2001) asks of
# each point's $k$ neighbours on the map how many intrude there, weighted by their true rank $r(i, j)$:
#
# $$T(k) = 1 - \frac{2}{N k (2N - 3k - 1)} \sum_{i} \sum_{j \in \text{intruders}(i)} \bigl(r(i, j) - k\bigr)$$
#
# Beside UMAP stand the first two principal components, the best *linear* map, and points thrown at random.

# %% alt="Trustworthiness against the number of neighbours: UMAP above principal components above random"
some = np.random.default_rng(0).permutation(len(embeddings))[: size(2060, 300)]
plane = principal_plane(embeddings[some])
random = np.random.default_rng(0).uniform(size=(len(some), 2)).astype(np.float32)
maps = {"UMAP": coordinates[some], "principal components": plane, "random": random}
ks = [5, 15, 30, 60]
fig, axis = plt.subplots(figsize=(7, 3))
for (name, layout), colour in zip(maps.items(), (ACCENT, CONTRAST, QUIET), strict=True):
    values = [trustworthiness(embeddings[some], layout, k) for k in ks]
    axis.plot(ks, values, "o-", color=colour, label=name)
    print(
        f"{name:21}"
        + "".join(f"  T({k}) = {value:.3f}" for k, value in zip(ks, values, strict=True))
    )
axis.set(xlabel="neighbours k", ylabel="trustworthiness", ylim=(0.4, 1))
axis.grid(axis="y")
axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

# %% [markdown]
# A trustworthy map can still leave true neighbours out (that is *continuity*, its counterpart). So the page draws
# the true neighbours of whatever one selects, from the embeddings. How many of the ten nearest in 192 dimensions
# are among the ten nearest on the map?

# %%
true_neighbours, _ = nearest_neighbors(embeddings[some], 11)
kept = []
for row, layout in enumerate(coordinates[some]):
    distances = np.square(coordinates[some] - layout).sum(1)
    on_map = np.argsort(distances, kind="stable")[:11]
    kept.append(len(set(on_map) & set(true_neighbours[row]) - {row}) / 10)
print(f"{100 * np.mean(kept):.0f} % of the ten nearest neighbours survive the projection")

# %% [markdown]
# ## Your own sounds
#
# Any folder of one-shots becomes a database: each file is embedded, labelled and stored with a preview. Here
# some notes that come with the repository play the part of your sample folder. In a real one, name families
# by folder (`Bass/`, `Pads/`) or give labels.

# %%
notes = sorted((ASSETS / "learn").glob("*-1.opus"))
bass = [path for path in notes if "-basses-" in path.name][: size(6, 2)]
leads = [path for path in notes if "-leads-" in path.name][: size(6, 2)]
mine = workspace / "my-sounds"
for family, paths in (("bass", bass), ("synth_lead", leads)):
    report = add_sounds(mine, encoder, paths, Labels(family=family, bank="Mine", author="me"))
    print(f"{family}: added {len(report.added)}, refused {len(report.refused)}")

own = InstrumentDatabase.open(mine, encoder=encoder)
for result in Retriever(encoder, own).search(
    mix, ["bass", "synth_lead"], 2, sample_rate=sample_rate
):
    for match in result.matches:
        print(f"{result.family:11} {match.rank}. {match.similarity:5.2f}  {match.instrument.name}")

# %% [markdown]
# The same from the command line, for your folder: `cir database add ~/my-samples --database ~/my-sounds`, then
# `cir search MIX.wav --database ~/my-sounds`.
#
# The database on disk is a *bundle*: a table, a matrix, previews. A search compares the query with every row, in double
# precision, and ranks them: with 3 000 instruments that takes less than a millisecond. `database.prepare()`, or
# `cir database chroma`, also keeps the embeddings in a [Chroma](https://docs.trychroma.com) store for other programs, a
# collection per family. The bundle is the truth; the store can be made again at any time. A search equals plain sorting:

# %%
print(sorted(path.name for path in mine.iterdir() if not path.name.startswith(".")))
query = embeddings[identifiers.index(truth["bass"])]
found = [match.instrument.instrument_id for match in database.search(query, 10)]
exact = [identifiers[row] for row in np.argsort(-(embeddings @ query), kind="stable")[:10]]
print("A search and plain sorting agree:", found == exact)

# %% [markdown]
# ## More like this
#
# Without a mix, an embedding of the database is itself a query: the nearest neighbours of an instrument, whatever their
# family.

# %%
nearest = database.search(query, 4)
heard = []
for match in nearest:
    audio, rate = load_audio(match.preview)
    heard.append((f"{match.similarity:.2f} {match.instrument.name}", audio[: 3 * rate]))
display(players(heard, rate))

# %% [markdown]
# ## Publish to the Hub, as a dry run
#
# A model, a database and a page are three repositories on the Hugging Face Hub: a model with its card, a dataset
# with previews, and a Space that loads both. `--dry-run` prints what *would* be sent and needs no account.

# %%
command = [
    *(sys.executable, "-m", "cir", "publish", "--dry-run"),
    *("--model", "someone/timbre-model"),
    *("--dataset", "someone/my-sounds", "--database", str(mine)),
]
done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
print(done.stdout)

# %% [markdown]
# Without `--dry-run`, and after `hf auth login`, it goes there. Anyone then loads it by name:
# `TimbreEncoder.from_pretrained("someone/timbre-model")`. From Python, `encoder.push_to_hub("someone/timbre-model")`
# sends the model alone. Mind the licences: previews of other people's presets are theirs.
#
# ## Exercises
#
# **1.** Search the mix for a family that does not play in it, such as `organ`. What do similarity, chance and
# judgement say? Which of the three would you show to a user?
#
# <details><summary>Solution</summary>
#
# ```python
# (result,) = retriever.search(mix, ["organ"], sample_rate=sample_rate)
# print(result.judgement)
# print([round(match.similarity, 2) for match in result.matches])
# ```
#
# The similarity of the first match alone says little, because some organ is always the nearest. Chances assume that the
# instrument is in the database, so they too would stay up; of organs there are too few to know any (`chances` is
# empty). Only the judgement (`novelty`, `is_absent`) answers whether the question made sense; notebook 5 measures
# how often it is right.
# </details>
#
# **2.** Embed the mix with `encoder.embed` (as if it were a single note) and search without a family. What comes
# out, and why?
#
# <details><summary>Solution</summary>
#
# ```python
# whole = encoder.embed([mix], sample_rate)[0]
# print([(m.instrument.family, m.instrument.name) for m in database.search(whole, 5)])
# ```
#
# `embed` keeps the first seconds and asks what *one* instrument they are. No instrument sounds like the sum of
# three, so the nearest are merely as dense and as bright as the sum, of any family, and who plays is not among them.
# Asking once per family is what turns the mix into three questions that have an answer.
# </details>
#
# **3.** Draw a map of the basses alone, by their own principal components, and compare its trustworthiness with
# that of the large map restricted to basses. Who wins, and what would `compute_map` (UMAP) change?
#
# <details><summary>Solution</summary>
#
# ```python
# basses = np.array([one.family == "bass" for one in catalog])
# print(trustworthiness(embeddings[basses], principal_plane(embeddings[basses])))
# print(trustworthiness(embeddings[basses], coordinates[basses]))
# ```
#
# A linear map of their own spends both dimensions on what tells basses apart, and a nonlinear one that was made for
# everybody spends them on everybody; the figures say which matters more. `cir.index.timbre_map.compute_map` with
# the basses alone has both advantages. None of them says how basses lie among other families.
# </details>
#
# Next: [7 · Train on a GPU](07_train_on_gpu.ipynb).
