"""The paper's first experiment: retrieval from single notes."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cir.evaluation.gallery import Gallery
from cir.evaluation.listeners import Method, Timed
from cir.evaluation.mixture_stream import chunks, embed_references, timed
from cir.evaluation.scores import Scores, make_result, score
from cir.metrics import IntArray, target_ranks
from cir.types import FloatArray, Progress, part

NO_FAMILY = "none"


def evaluate_single_source(
    methods: Mapping[str, Method],
    gallery: Gallery,
    *,
    split: str = "test",
    seed: int = 0,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Find the instrument of each single note among the references of all families.

    Reference notes are not queries, since each would find itself; the paper includes them, so
    scores with them are reported too.

    Args:
        methods: Methods by name.
        gallery: Notes and references.
        split: Split of the queries; `all` for all splits.
        seed: Seed of the bootstrap.
        progress: Called with the fraction done.

    Returns:
        As `evaluate_mixtures`; the rows are `all`, one for each family among the queries, one for
        each source if there are several (`source: NAME`), and `all_with_references` (the paper's
        way). `confusion` counts the family of the best match for each family of a query.

    Raises:
        InputError: There is no such split.
        DataError: The split has no instrument, or no reference note sounds.
    """
    players = gallery.of_split(split)
    clocks = timed(methods)
    everybody = np.arange(len(gallery))
    references = embed_references(clocks, gallery, everybody, part(progress, 0.0, 0.5))
    column_of = {int(row): column for column, row in enumerate(references.rows)}
    embeddings: dict[str, list[FloatArray]] = {name: [] for name in methods}
    targets: list[int] = []
    is_reference: list[bool] = []
    sounding = [row for row in players if int(row) in column_of]
    for row, notes in gallery.all_notes(sounding, part(progress, 0.5, 1.0)):
        for chunk in chunks(note.audio for note in notes):
            for name, method in clocks.items():
                embeddings[name].append(method.embed(chunk))
        targets += [column_of[row]] * len(notes)
        is_reference += [place < gallery.n_references for place in range(len(notes))]
    queries = _Queries(
        gallery, references.rows, np.array(targets), np.array(is_reference, dtype=bool)
    )
    results = []
    for name, method in clocks.items():
        similarities = np.concatenate(embeddings[name]) @ references.embeddings[name].T  # (Q, N)
        results.append(_result(name, method, queries, similarities, split, seed))
    return results


class _Queries:
    """Notes and their instruments."""

    def __init__(
        self,
        gallery: Gallery,
        candidates: IntArray,
        targets: IntArray,
        is_reference: NDArray[np.bool_],
    ) -> None:
        self.gallery = gallery
        self.targets = targets
        self.ids = [gallery.entries[row].instrument_id for row in candidates[targets]]
        self.candidate_families = [gallery.entries[row].family or NO_FAMILY for row in candidates]
        self.families = [self.candidate_families[column] for column in targets]
        self.sources = [gallery.entries[candidates[column]].source for column in targets]
        self.held_out = np.flatnonzero(~is_reference)


def _result(
    name: str,
    method: Timed,
    queries: _Queries,
    similarities: FloatArray,
    split: str,
    seed: int,
) -> dict[str, Any]:
    ranks = target_ranks(similarities, queries.targets)

    def score_only(chosen: Sequence[int] | IntArray) -> Scores:
        ids = [queries.ids[query] for query in chosen]
        return score(ranks[np.asarray(chosen)], ids, similarities.shape[1], seed=seed)

    rows = {"all": score_only(queries.held_out)}
    for prefix, labels in (("", queries.families), ("source: ", queries.sources)):
        groups: dict[str, list[int]] = defaultdict(list)
        for query in queries.held_out:
            groups[labels[query]].append(int(query))
        if not prefix or len(groups) > 1:
            rows |= {prefix + group: score_only(groups[group]) for group in sorted(groups)}
    rows["all_with_references"] = score_only(np.arange(len(ranks)))
    settings = {"split": split, "seed": seed, "data": list(queries.gallery.sources)}
    result = make_result("single", name, method, rows, primary="all", settings=settings)
    return result | {"confusion": _confusion(queries, similarities)}


def _confusion(queries: _Queries, similarities: FloatArray) -> dict[str, Any]:
    """Count the family of the best match for each family of a query."""
    best = similarities[queries.held_out].argmax(axis=1)
    pairs = Counter(
        (queries.families[query], queries.candidate_families[column])
        for query, column in zip(queries.held_out, best, strict=True)
    )
    families = sorted({family for pair in pairs for family in pair})
    counts = [[pairs[true, found] for found in families] for true in families]
    return {"families": families, "counts": counts}
