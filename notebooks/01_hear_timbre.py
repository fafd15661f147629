# %% [markdown]
# # Hear timbre
#
# Two instruments play the same note, equally loud and equally long, and still you tell them apart.
# What you hear then is *timbre*: by its classical definition everything about a sound that is
# neither pitch nor loudness nor duration. It is easy to hear and hard to measure, and this notebook
# shows why.
#
# ## What you will learn
#
# - what changes between the notes of one instrument, and what stays;
# - how to read a log-mel spectrogram, the picture that an encoder reads instead of sound;
# - what the descriptors of the Timbre Toolbox measure, and how far pitch moves them;
# - how *query by example* works, and how well it goes with MFCCs: the baseline to beat.
#
# Everything here comes with the library: the sounds are those of TimGM6mb, a small General MIDI
# sound font. With the environment variable `CIR_FAST` set, fewer instruments take part.

# %%
import matplotlib.pyplot as plt
import numpy as np

from cir import Note, TimbreEncoder
from cir.audio.dsp import peak_normalise
from cir.engines.registry import open_engine
from cir.teaching import (
    ACCENT,
    CONTRAST,
    QUIET,
    colour_of,
    players,
    read_instruments,
    search_notes,
    show_log_mel,
    show_similarity_matrix,
    size,
    use_style,
)
from cir.types import SAMPLE_RATE

use_style()


# %% [markdown]
# ## One note, many instruments
#
# An *engine* plays notes. The function below asks one for a single note of two seconds and brings it
# to a common peak, so that loudness tells us as little as possible. Listen: the pitch is middle C
# throughout, and nobody confuses these six.


# %%
def play(program, pitch, velocity=100, held=1.5):
    """One note of a General MIDI program, (T,)."""
    engine = open_engine(f"soundfont:TimGM6mb.sf2#0/{program}")
    note = Note(pitch, velocity, duration_seconds=held)
    return peak_normalise(engine.render([note], 2.0, SAMPLE_RATE), 0.8)


PROGRAMS = {
    "Piano": (0, "piano"),
    "Vibraphone": (11, "percussion"),
    "Nylon guitar": (24, "guitar"),
    "Trumpet": (56, "brass"),
    "Clarinet": (71, "reed"),
    "Saw wave": (81, "synth_lead"),
}
players([(name, play(program, 60)) for name, (program, _) in PROGRAMS.items()])

# %% [markdown]
# ## One instrument, many notes
#
# Now the other way round: one clarinet, from its lowest register to its highest. The hollow sound at
# the bottom is almost gone at the top, and still you call all of it "the clarinet". What an encoder of
# timbre has to learn is exactly this: to hear one instrument in sounds that differ.

# %%
CLARINET = 71
pitches = (50, 60, 72, 84)
players([(f"Clarinet, MIDI pitch {pitch}", play(CLARINET, pitch)) for pitch in pitches])

# %% [markdown]
# ## The picture that an encoder reads
#
# A *log-mel spectrogram* shows time to the right and frequency upwards, on the mel scale, which is
# about linear below 1 kHz and logarithmic above, like our hearing. Colour is energy in decibels. With
# $X_{t,k}$ the short-time Fourier transform and $M_{k,b}$ the triangular filter of mel band $b$,
#
# $$L_{t,b} = \log \sum_k M_{k,b} \, |X_{t,k}|^2$$
#
# In the upper row one pitch is played by four instruments: the lines, the harmonics, stay where they
# are, and their strength and their course over time change. In the lower row one instrument plays four
# pitches: all lines move.
#
# The paper's encoder reads this picture. Ours reads a similar one, whose frequency scale is logarithmic from
# bottom to top. There, another pitch moves all lines by the same distance.

# %% alt="Eight log-mel spectrograms: above, one pitch on four instruments; below, four pitches on one clarinet"
figure, grid = plt.subplots(2, 4, figsize=(10, 5), sharex=True, sharey=True)
chosen = ("Piano", "Nylon guitar", "Trumpet", "Clarinet")
for axes, name in zip(grid[0], chosen):
    show_log_mel(axes, play(PROGRAMS[name][0], 60), title=f"{name}, C4")
for axes, pitch in zip(grid[1], pitches):
    image = show_log_mel(axes, play(CLARINET, pitch), title=f"Clarinet, pitch {pitch}")
for axes in grid.flat:
    axes.label_outer()
figure.colorbar(image, ax=grid, label="dB", shrink=0.6)
plt.show()

# %% [markdown]
# So which sounds look alike? Below, the log-mels of four instruments at four pitches are compared
# with each other, by the cosine after their mean is taken off. If likeness of pictures were likeness of
# timbre, the framed blocks along the diagonal would stand out: within each, one instrument plays. What
# stands out as well are the thin lines beside them, where *other* instruments play the same pitch.

# %% alt="Matrix of similarities of sixteen log-mels: same pitch is about as similar as same instrument"
import torch

from cir.audio.features import log_mel


def flat_log_mel(sound):
    """A log-mel spectrogram as one vector of unit norm, (F,)."""
    picture = log_mel(torch.from_numpy(sound[None]), hop_samples=320)[0].numpy().ravel()
    picture = picture - picture.mean()
    return picture / np.linalg.norm(picture)


same_pitches = (55, 60, 65, 70)
pictures = np.stack(
    [flat_log_mel(play(PROGRAMS[name][0], pitch)) for name in chosen for pitch in same_pitches]
)
cosines = pictures @ pictures.T
figure, axes = plt.subplots(figsize=(5.4, 4.6))
image = show_similarity_matrix(
    axes, cosines, chosen, group_size=len(same_pitches), title="Log-mels compared as they are"
)
figure.colorbar(image, label="cosine", shrink=0.8)
plt.show()

owner = np.repeat(np.arange(len(chosen)), len(same_pitches))
pitch_of = np.tile(same_pitches, len(chosen))
same_owner = owner[:, None] == owner
same_pitch = pitch_of[:, None] == pitch_of
print(f"same instrument, another pitch: {cosines[same_owner & ~same_pitch].mean():.2f}")
print(f"another instrument, same pitch: {cosines[~same_owner & same_pitch].mean():.2f}")
print(f"another instrument and pitch:   {cosines[~same_owner & ~same_pitch].mean():.2f}")

# %% [markdown]
# ## Descriptors: timbre by hand
#
# The *Timbre Toolbox* (Peeters et al. 2011) is the classical answer: compute numbers that are known
# to go with what listeners say. The best known is the *spectral centroid*, the centre of gravity of the
# spectrum with amplitudes $a_k$ at frequencies $f_k$, which goes with "brightness":
#
# $$\mathrm{centroid} = \frac{\sum_k f_k \, a_k}{\sum_k a_k}$$
#
# Our version has 78 numbers: how the envelope rises and falls, the shape of the spectrum, and how its
# harmonics relate. Here is the centroid of each of our instruments over three octaves.

# %% alt="Spectral centroid against pitch for six instruments: the curves rise and cross"
from cir.baselines.timbre_toolbox.description import NAMES, describe

CENTROID = NAMES.index("magnitude centroid, median")
scale = np.arange(43, 85, 3)
figure, axes = plt.subplots(figsize=(9, 3.8))
for name, (program, family) in PROGRAMS.items():
    values = [describe(play(program, int(pitch)), SAMPLE_RATE)[CENTROID] for pitch in scale]
    axes.plot(scale, values, marker="o", markersize=4, color=colour_of(family), label=name)
axes.set(xlabel="MIDI pitch", ylabel="log10 of Hz", title="Spectral centroid")
axes.grid(axis="y")
axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
plt.show()

# %% [markdown]
# The curves move and cross: at one pitch the trumpet is the brighter one, at another it is not. A single
# centroid does not tell the instrument, because the descriptor belongs to the *note*.
#
# Let us ask this of all descriptors and of all instruments of the sound font that play at least four
# pitches. For each descriptor two shares of its variance: how much lies *between* instruments (1 would
# be a number that tells instruments apart and never moves within one), and how much of what is left,
# *within* instruments, a straight line over pitch explains.

# %%
from cir.datasets.registry import open_dataset

instruments = read_instruments(open_dataset("soundfont:TimGM6mb.sf2"), limit=size(200, 6))
n_notes = sum(len(one.notes) for one in instruments)
print(f"{len(instruments)} instruments, {n_notes} notes")

described = np.array(
    [describe(note.audio, SAMPLE_RATE) for one in instruments for note in one.notes]
)
owners = np.repeat(np.arange(len(instruments)), [len(one.notes) for one in instruments])
note_pitches = np.array([note.pitch for one in instruments for note in one.notes], dtype=float)


def within(values):
    """What is left of values, (N,) or (N, D), when each instrument's mean is taken off."""
    counts = np.bincount(owners)
    table = values.reshape(len(values), -1)
    means = np.stack([np.bincount(owners, weights=one) / counts for one in table.T], axis=1)
    return (table - means[owners]).reshape(values.shape)


left, moved = within(described), within(note_pitches)
total = ((described - described.mean(0)) ** 2).sum(0)
between = 1 - (left**2).sum(0) / total
by_pitch = (moved @ left) ** 2 / ((moved @ moved) * (left**2).sum(0) + 1e-12)

# %% alt="Bars for fourteen descriptors: share of variance between instruments, and share within that pitch explains"
shown = [
    n for n, name in enumerate(NAMES) if name.startswith(("envelope", "magnitude", "harmonic"))
]
shown = [n for n in shown if "range" not in NAMES[n]]
shown = sorted(shown, key=lambda n: between[n])
rows = np.arange(len(shown))
figure, axes = plt.subplots(figsize=(9, 6.4))
axes.barh(rows + 0.2, between[shown], 0.38, color=ACCENT, label="between instruments")
axes.barh(rows - 0.2, by_pitch[shown], 0.38, color=CONTRAST, label="within: explained by pitch")
axes.set_yticks(rows, [NAMES[n].replace(", median", "").replace("_", " ") for n in shown])
axes.set(xlim=(0, 1), xlabel="share of variance", title="What moves a descriptor?")
axes.legend(loc="lower right")
plt.show()

# %% [markdown]
# No descriptor comes near 1, and some of the most useful ones follow pitch closely. That is no flaw of
# the Toolbox: as the paper says, spectro-temporal descriptors of timbre co-vary with pitch, loudness and
# duration. It means that one cannot read timbre off a list of numbers; one has to *learn* what to
# disregard.
#
# ## Query by example: the baseline to beat
#
# Now the task that this library is about. A database knows each instrument by one *reference note*, at
# the median pitch of its family. A query is another note, and the answer is the instrument whose
# embedding is nearest by the cosine
#
# $$\cos(q, r) = \frac{q \cdot r}{\|q\| \, \|r\|}$$
#
# The simplest embedding that is any good takes the *mel-frequency cepstral coefficients*: the cosine
# transform of the log-mel bands, which keeps the coarse shape of the spectrum in the first few numbers
# and forgets the fine one, the harmonics. Mean and standard deviation of 20 of them over time, each
# z-scored over the database, make 40 numbers. Whoever proposes a new embedding should first beat it.

# %%
from cir.baselines.mfcc import MfccEncoder
from cir.baselines.timbre_toolbox.description import TimbreToolboxEncoder

references = [one.reference.audio for one in instruments]
encoders = {
    "MFCC": MfccEncoder.fit(references, SAMPLE_RATE),
    "Timbre Toolbox": TimbreToolboxEncoder.fit(references, SAMPLE_RATE),
    "the bundled model": TimbreEncoder.from_pretrained(),
}
searches = {name: search_notes(encoder, instruments) for name, encoder in encoders.items()}
scores = {name: search.scores() for name, search in searches.items()}
for name, found in scores.items():
    top_1, top_5 = found.estimates["top_1"], found.estimates["top_5"]
    print(
        f"{name:18s} top-1 {top_1.value:6.1%}  [{top_1.interval[0]:.1%}, {top_1.interval[1]:.1%}]"
        f"   top-5 {top_5.value:6.1%}  [{top_5.interval[0]:.1%}, {top_5.interval[1]:.1%}]"
    )
print(f"chance             top-1 {top_1.chance:6.1%}                   top-5 {top_5.chance:6.1%}")

# %% [markdown]
# *Top-k accuracy* is the share of queries whose instrument is among the first $k$ answers. In brackets
# stand 95 % intervals from a bootstrap over *instruments*: notes of one instrument succeed and fail
# together, so drawing notes one by one would promise a precision that is not there. What the bundled
# model was trained on is in its card (`TimbreEncoder.from_pretrained().card`).

# %% alt="Top-1 and top-5 accuracy of MFCC, Timbre Toolbox and the bundled model with 95 percent intervals"
figure, axes = plt.subplots(figsize=(9, 3))
rows = np.arange(len(scores))
for shift, metric, colour in ((0.12, "top_1", ACCENT), (-0.12, "top_5", CONTRAST)):
    estimates = [found.estimates[metric] for found in scores.values()]
    values = np.array([one.value for one in estimates])
    low, high = np.array([one.interval for one in estimates]).T
    axes.errorbar(
        values,
        rows + shift,
        xerr=[values - low, high - values],
        fmt="o",
        color=colour,
        capsize=3,
        label=metric.replace("_", "-"),
    )
    axes.axvline(estimates[0].chance, color=colour, linewidth=1, linestyle=":")
axes.set_yticks(rows, scores)
axes.set(xlim=(0, 1), ylim=(-0.6, len(rows) - 0.4), xlabel="accuracy (dotted: chance)")
axes.set_title(f"{len(searches['MFCC'].queries)} notes among {len(instruments)} instruments")
axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
plt.show()

# %% [markdown]
# ## Where it fails
#
# If pitch is what misleads the baselines, they must fail the more, the further a query lies from the
# reference note. It is easy to check: the same queries again, sorted by that distance.

# %% alt="Top-5 accuracy against the interval between query and reference note, one line for each encoder"
edges = np.array([0, 3, 6, 9, 12, 18, 40])
figure, axes = plt.subplots(figsize=(9, 3.6))
for (name, search), colour in zip(searches.items(), (QUIET, CONTRAST, ACCENT)):
    distance = np.abs(search.intervals)
    bins = np.digitize(distance, edges[1:-1])
    used = [number for number in range(len(edges) - 1) if (bins == number).sum() >= 5]
    accuracy = [(search.ranks[bins == number] <= 5).mean() for number in used]
    axes.plot(used, accuracy, marker="o", color=colour, label=name)
axes.set_xticks(range(len(edges) - 1), [f"{a} to {b - 1}" for a, b in zip(edges, edges[1:])])
axes.set(
    ylim=(0, 1.03), xlabel="semitones between query and reference note", ylabel="top-5 accuracy"
)
axes.grid(axis="y")
axes.legend()
plt.show()

# %% [markdown]
# Hear a failure of the MFCCs: the worst one. From left to right the query, the note of the right
# instrument that the database knows, and the note that MFCCs took for nearer.

# %%
search = searches["MFCC"]
worst = int(search.ranks.argmax())
right, found = instruments[search.targets[worst]], instruments[search.best[worst]]
print(f"rank {search.ranks[worst]} of {len(instruments)}")
players(
    [
        (f"Query: {right.instrument_id}", search.queries[worst].audio),
        ("What it should find", right.reference.audio),
        (f"What it found: {found.instrument_id}", found.reference.audio),
    ]
)

# %% [markdown]
# Descriptors and cepstra are *fixed*: nobody told them that these two notes are one instrument. A
# network can be told, with pairs of sounds that belong together. Which pairs? That is the question of
# the next notebook.
#
# ## Exercises
#
# **1. Your own centroid.** Compute the spectral centroid of a note from its plain Fourier transform
# (no frames), and compare the piano with the saw wave at pitch 60. Which is brighter?
#
# <details>
# <summary>Solution</summary>
#
# ```python
# def centroid(sound):
#     amplitudes = np.abs(np.fft.rfft(sound))
#     hertz = np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE)
#     return (hertz * amplitudes).sum() / amplitudes.sum()
#
#
# for name in ("Piano", "Saw wave"):
#     print(name, round(centroid(play(PROGRAMS[name][0], 60))), "Hz")
# ```
#
# The saw wave: its harmonics fall off slowly, by $1/n$, and do not die away.
#
# </details>
#
# **2. Which half of the MFCCs does the work?** The first 20 numbers of `mfcc_statistics` are means, the
# last 20 deviations. Rank the queries by each half alone.
#
# <details>
# <summary>Solution</summary>
#
# ```python
# from cir.baselines.mfcc import mfcc_statistics
# from cir.metrics import target_ranks, top_k_accuracy
#
# known = np.array([mfcc_statistics(sound, SAMPLE_RATE) for sound in references])
# asked = np.array([mfcc_statistics(note.audio, SAMPLE_RATE) for note in search.queries])
# for name, half in (("means", slice(0, 20)), ("deviations", slice(20, 40))):
#     mean, deviation = known[:, half].mean(0), known[:, half].std(0)
#     r, q = ((table[:, half] - mean) / deviation for table in (known, asked))
#     r, q = (table / np.linalg.norm(table, axis=1, keepdims=True) for table in (r, q))
#     print(name, f"{top_k_accuracy(target_ranks(q @ r.T, search.targets), 5):.1%}")
# ```
#
# Neither reaches both together: the means say how the spectrum is shaped, the deviations how it moves.
#
# </details>
#
# **3. Loudness.** All of the above holds the loudness of notes constant. Play the piano at velocities
# 20 and 120 (`play(0, 60, velocity=20)`) and look at both log-mels. Is a louder note only a louder one?
#
# <details>
# <summary>Solution</summary>
#
# ```python
# from cir.teaching import player
#
# figure, pair = plt.subplots(1, 2, sharey=True)
# for axes, velocity in zip(pair, (20, 120)):
#     show_log_mel(axes, play(0, 60, velocity=velocity), title=f"Piano, velocity {velocity}")
# plt.show()
# display(player(play(0, 60, velocity=20), title="velocity 20"))
# ```
#
# In a good piano, no: a harder stroke is brighter. A small sound font like this one plays the same
# recording for all velocities and at most moves a filter. That is a limit of the sounds, not of the
# method.
#
# </details>
