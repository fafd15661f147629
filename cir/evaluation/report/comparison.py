"""Explanations: how to read the tables, and why the paper's figures are not comparable."""

from cir.evaluation.report.accuracy import PAPERS_WAY, candidates_of
from cir.evaluation.report.grouping import Group
from cir.evaluation.report.words import escape, things

_PAPERS_MODEL = (
    "its models start from an Audio Spectrogram Transformer of base size that was pretrained on "
    "AudioSet"
)

_PAPER = {
    "mixtures": (
        "The paper searches 5 000 mixtures for 1 463 instruments of NSynth and of the Surge "
        "synthesizer (615 basses, 480 synth leads, 368 percussions); notes follow statistics of "
        f"the Slakh data set, and {_PAPERS_MODEL}."
    ),
    "single": (
        "The paper searches 3 864 references of NSynth and of the Surge synthesizer with 13 000 "
        "sounds of 336 test instruments, single notes and scores of the Slakh data set; "
        f"{_PAPERS_MODEL}."
    ),
}

HOW_TO_READ = """\
- **top-1, top-5**: how often the right instrument comes first, or among the first five, in %.
  **MRR**: mean of 1 / rank. **Median rank**: half of the queries find it there or earlier.
- **[low, high]**: 95 % interval, by drawing the test instruments anew (bootstrap): what to expect
  of *other instruments* of the same kind. There is none for one instrument alone.
- A tie counts against the method: one that finds everything equally similar comes last.
- **Chance**: the candidates in random order.
- **Candidates** are the reference notes of all splits, one for each instrument. Instruments of the
  test split were never heard in training.
- The mean over families gives each family the same weight, however many instruments it has."""

HOW_TO_READ_SHORT = """\
In brackets: 95 % intervals, for other test instruments than these; none for one alone.
A tie counts against the method. Chance: the candidates in random order."""
"""The explanation for a terminal."""


def why_not_the_same(group: Group) -> str:
    """Return a Markdown paragraph on the differences from the paper's experiment."""
    scores = group.measured[0]["scores"]
    row = scores[group.headline]
    data = escape(" + ".join(group.settings.get("data", ()))) or "other data"
    if group.protocol == "mixtures":
        ours = (
            f"Here it is {things(group.settings['mixtures'], 'mixture')} of {data}, "
            f"{candidates_of(group)} and "
            f"{things(row['instruments'], 'test instrument')}."
        )
    else:
        ours = (
            f"Here it is {things(row['queries'], 'note')} of "
            f"{things(row['instruments'], 'test instrument')} of {data} and "
            f"{candidates_of(group)}; the reference notes are no queries, for they "
            "would find themselves"
        )
        papers_way = " (the last column has them, as the paper does)"
        ours += f"{papers_way if PAPERS_WAY in scores else ''}."
    return (
        f"**These are not the paper's data.** {_PAPER[group.protocol]} {ours} "
        "What a method was trained on stands in the notes above. Other instruments, another number "
        "of candidates, other models and less training all move the figures: compare methods "
        "within a column, not a figure of one column with that of another."
    )
