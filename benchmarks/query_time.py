"""Measure search settings that need no training: reference notes, windows, corrections.

python benchmarks/query_time.py [--model FOLDER] [-o benchmarks/results/query_time.json]

Mixtures are ranked within the family, single notes among everybody. The first notes of an
instrument may be its references, only the later ones are played: no query is ever in the index, and
all settings hear the same queries. Gains are over the first setting, one reference note and windows
that overlap by half, with intervals over the same resamples of instruments. Times are processor
time of one thread. With 1 000 mixtures of each split it takes a quarter of an hour of it.
"""

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from query_time_ranking import CORRECTIONS, MERGINGS, POOLINGS, Index, Setting
from query_time_report import METRICS, SINGLE, UNHEARD, Measured, describe, short_table, table
from query_time_sounds import LaterNotes, Mixtures, Notes, embed_notes, listen

from cir.datasets.note_bank_dataset import NoteBankDataset
from cir.evaluation.answers import FamilyAnswers
from cir.evaluation.gallery import Gallery
from cir.evaluation.mixture_stream import MixtureSet
from cir.evaluation.mixtures import score_families
from cir.evaluation.scores import Scores, score
from cir.files import replacing
from cir.metrics import IntArray, target_ranks
from cir.mixtures.mixture_config import PAPER_FAMILIES
from cir.model.encoder import TimbreEncoder
from cir.types import FloatArray

HOPS = (1.0, 0.5, 0.25)
_COHORT_SEED = 1
_KEPT_COHORT = 0.6
"""Of the cohort; the rest are the queries about instruments of training."""
_TIMED_QUERIES = 20


def main() -> None:
    """Embed, measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("$CIR_DATA/surge"), help="a note bank")
    parser.add_argument("--model", help="folder or Hub id; default: the bundled model")
    parser.add_argument("--split", nargs="+", choices=("valid", "test"), default=["valid", "test"])
    parser.add_argument("--mixtures", type=int, default=1000, help="of each split")
    parser.add_argument("--cohort", type=int, default=500, help="mixtures of the train split")
    parser.add_argument("--references", type=int, nargs="+", default=[1, 2, 3, 6])
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    encoder = TimbreEncoder.from_pretrained(arguments.model, device="cpu")
    gallery = Gallery([NoteBankDataset(arguments.data, twins=False)])
    n_kept = max(arguments.references)
    players = Gallery([LaterNotes(arguments.data, n_kept)])
    notes = embed_notes(encoder, gallery, n_kept, arguments.split)
    cohort_set = MixtureSet(arguments.cohort, seed=_COHORT_SEED, split="train")
    cohort = listen(encoder, players, cohort_set, [Setting().hop])
    settings = list_settings(arguments.references)
    results: dict[str, Any] = {}
    for split in arguments.split:
        mixtures = listen(encoder, players, MixtureSet(arguments.mixtures, split=split), HOPS)
        bench = Bench(gallery, notes, cohort, mixtures, split)
        measured = [bench.measure(setting) for setting in settings]
        results[split] = [one.as_dict(measured[0]) for one in measured]
        print(f"\n{split}, {arguments.mixtures} mixtures\n")
        print("\n".join(table(results[split])), flush=True)
    heard = measure_heard(gallery, notes, cohort, settings)
    print("\nInstruments of training\n")
    print("\n".join(short_table(heard)))
    if arguments.output is not None:
        found = {
            "encoder": encoder.identity,
            "mixtures": arguments.mixtures,
            "cohort": arguments.cohort,
            "embed_note_ms": round(notes.note_ms, 2),
            "embed_window_ms": round(cohort.window_ms, 2),
            "splits": results,
            "heard": heard,
        }
        with replacing(arguments.output) as path:
            path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def list_settings(counts: Sequence[int]) -> list[Setting]:
    """Return the present setting, then others of references, windows and corrections."""
    several = [(count, pooling) for count in sorted(counts) for pooling in POOLINGS if count > 1]
    most = [(count, pooling) for count, pooling in several if count == max(counts)]
    windows = [(hop, merging) for hop in HOPS for merging in MERGINGS]
    settings = [
        Setting(),
        *(Setting(count, pooling) for count, pooling in several),
        *(Setting(hop=hop, merging=merging) for hop, merging in windows),
        *(Setting(*own, hop, merging) for own in most for hop, merging in windows),
        *(
            Setting(*own, correction=correction)
            for own in [(1, "mean"), *most]
            for correction in CORRECTIONS
        ),
    ]
    return list(dict.fromkeys(settings))


@dataclass(frozen=True, eq=False)
class Bench:
    """Embedded sounds, and the split of the queries."""

    gallery: Gallery
    notes: Notes
    cohort: Mixtures
    mixtures: Mixtures
    split: str

    def measure(self, setting: Setting) -> Measured:
        """Search for all instruments of the split."""
        answers, search = self.answers(setting)
        unheard = {family: self._unheard(one) for family, one in answers.items()}
        scores = score_families(answers, seed=0) | {
            UNHEARD: score_families(unheard, seed=0)["mean"],
            SINGLE: self._single(setting),
        }
        return Measured(
            setting,
            scores,
            {
                "embed_ms": self.mixtures.window_ms * self.mixtures.n_windows(setting.hop),
                "search_ms": search,
                "index_ms": self.notes.note_ms * setting.references,
            },
        )

    def answers(self, setting: Setting) -> tuple[dict[str, FamilyAnswers], float]:
        """Return similarities of each family's candidates to the mixtures, and ms of a search."""
        answers, search = {}, 0.0
        for family in PAPER_FAMILIES:
            candidates = self.gallery.of_family(family)
            index = Index(
                self.notes.references[candidates],
                setting,
                self.cohort.at(family, Setting().hop),
                _columns(candidates, self.cohort.owners[family]),
            )
            queries = self.mixtures.at(family, setting.hop)
            names = tuple(self.gallery.entries[row].instrument_id for row in candidates)
            targets = _columns(candidates, self.mixtures.owners[family])
            numbers = np.arange(len(targets))
            similarities = index.similarities(queries)
            answers[family] = FamilyAnswers(family, names, similarities, targets, numbers)
            search += search_ms(index, queries)
        return answers, search

    def _unheard(self, answers: FamilyAnswers) -> FamilyAnswers:
        """Search the same queries among candidates that are not in training.

        Gains that remain here do not come from telling training instruments from others.
        """
        splits = [self.gallery.entries[self.gallery.row(one)].split for one in answers.candidates]
        kept = np.array([n for n, split in enumerate(splits) if split != "train"])
        return FamilyAnswers(
            answers.family,
            tuple(answers.candidates[n] for n in kept),
            answers.similarities[:, kept],
            _columns(kept, answers.targets),
            answers.mixtures,
        )

    def _single(self, setting: Setting) -> Scores:
        """Search later notes of the split among all instruments."""
        cohort, cohort_owners = self.notes.of_split(self.gallery, "train")
        queries, owners = self.notes.of_split(self.gallery, self.split)
        index = Index(self.notes.references, setting, cohort, cohort_owners)
        ranks = target_ranks(index.similarities(queries), owners)
        names = [self.gallery.entries[row].instrument_id for row in owners]
        return score(ranks, names, len(self.gallery))


def measure_heard(
    gallery: Gallery, notes: Notes, cohort: Mixtures, settings: Sequence[Setting]
) -> list[dict[str, Any]]:
    """Find instruments of training in mixtures of the cohort that are not used for correction.

    This measures what corrections cost instruments of training.
    """
    n_kept = round(_KEPT_COHORT * len(next(iter(cohort.owners.values()))))
    correcting, asked = cohort.only(slice(n_kept)), cohort.only(slice(n_kept, None))
    bench = Bench(gallery, notes, correcting, asked, "train")
    todays = [setting for setting in settings if setting.hop == Setting().hop]
    means = [score_families(bench.answers(setting)[0], seed=0)["mean"] for setting in todays]
    return [
        asdict(setting) | {metric: describe(mean, means[0], metric) for metric in METRICS}
        for setting, mean in zip(todays, means, strict=True)
    ]


def search_ms(index: Index, queries: FloatArray) -> float:
    """Return the median processor time of a search for the first five matches."""
    seconds = []
    for query in queries[:_TIMED_QUERIES]:
        started = time.process_time()
        np.argsort(-index.similarities(query[None])[0], kind="stable")[:5]
        seconds.append(time.process_time() - started)
    return 1000 * statistics.median(seconds)


def _columns(candidates: IntArray, rows: IntArray) -> IntArray:
    """Return the places of gallery rows among the sorted candidates."""
    return np.searchsorted(candidates, rows).astype(np.int64)


if __name__ == "__main__":
    main()
