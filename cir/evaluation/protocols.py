"""The two experiments of the paper, on instruments that training never saw.

Both rank the reference notes of a whole note bank, train, valid and test splits together, and take
any `Encoder`. Sounds are decoded or mixed a chunk at a time and dropped once they are embedded. The
patches with their effects off are neither candidates nor queries.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

import numpy as np

from cir.errors import DataError, InputError
from cir.evaluation.metrics import target_ranks
from cir.evaluation.scores import Scores, average, score
from cir.instruments.families import check_families
from cir.instruments.note_bank import (
    REFERENCE_INDEX,
    SAMPLE_RATE,
    BankInstrument,
    NoteBank,
)
from cir.instruments.splits import check_split
from cir.mixtures.config import PAPER_FAMILIES, MixtureConfig
from cir.mixtures.pool import NotePool
from cir.mixtures.render import draw_mixture
from cir.types import Encoder, FloatArray, Progress

#: Sounds embedded at a time: 32 mixtures of 10 s are 20 MB.
_CHUNK = 32

_Item = TypeVar("_Item")


def evaluate_mixtures(
    encoder: Encoder,
    bank: NoteBank,
    *,
    n_mixtures: int = 500,
    seed: int = 0,
    families: Sequence[str] = PAPER_FAMILIES,
    split: str = "test",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Find each instrument of a mixture among the references of its family.

    Every instrument of the split plays once before any plays twice; then they are drawn uniformly.
    The same arguments give the same mixtures, whatever the encoder.

    Args:
        encoder: Embeds the references and, once per family, the mixtures.
        bank: Where notes and references come from.
        n_mixtures: How many to draw, 10 s each.
        seed: Of the mixtures and the bootstrap.
        families: Who plays, one instrument of each.
        split: Whose instruments play.
        progress: Told how far it is.

    Returns:
        For JSON: `protocol`, `encoder`, `settings`, `primary` and `scores`, which has a row (see
        `Scores.as_dict`) for each family and for their `mean`.

    Raises:
        InputError: A family, the split or the number of mixtures makes no sense.
        DataError: The bank lacks what is needed.
    """
    families = check_families(families)
    check_split(split)
    if n_mixtures < 1:
        raise InputError(f"{n_mixtures} mixtures were asked for; at least 1 is needed.")
    candidates = mixture_candidates(bank, families)
    pool = NotePool.from_note_bank(
        bank, split=split, families=families, progress=_part(progress, 0.0, 0.1)
    )
    groups = [pool.of_family(family) for family in families]
    casts = draw_casts(groups, n_mixtures, np.random.default_rng(seed))
    references = _embed_references(encoder, bank, candidates, _part(progress, 0.1, 0.4))
    config = MixtureConfig(families=families)
    queries: list[FloatArray] = []
    targets: list[tuple[str, ...]] = []
    report = _part(progress, 0.4, 1.0)
    for numbers in _chunks(range(n_mixtures)):
        mixtures = [
            draw_mixture(_item_seed(seed, number), pool, config, instruments=casts[number])
            for number in numbers
        ]
        queries.append(encoder.embed_mixtures([one.mix for one in mixtures], SAMPLE_RATE, families))
        targets += [one.plan.instrument_ids for one in mixtures]
        report((numbers[-1] + 1) / n_mixtures, f"Mixtures, {numbers[-1] + 1} of {n_mixtures}")
    embeddings = np.concatenate(queries)  # (Q, F, D)
    rows = {
        family: _score_against(
            embeddings[:, number],
            [ids[number] for ids in targets],
            [row.instrument_id for row in candidates if row.family == family],
            references[[row.family == family for row in candidates]],
            seed + number,
        )
        for number, family in enumerate(families)
    }
    rows["mean"] = average(list(rows.values()))
    return _result(
        "mixtures",
        encoder,
        rows,
        primary="mean",
        settings={
            "mixtures": n_mixtures,
            "seconds": config.duration_seconds,
            "families": list(families),
            "split": split,
            "seed": seed,
        },
    )


def evaluate_single_source(
    encoder: Encoder,
    bank: NoteBank,
    *,
    split: str = "test",
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Find the instrument of each single note among all references, whatever their family.

    A reference note is no query: it would find itself. The paper's way, with them, stands beside.

    Args:
        encoder: Embeds notes and references.
        bank: Where they come from.
        split: Whose notes are the queries.
        seed: Of the bootstrap.
        progress: Told how far it is.

    Returns:
        As `evaluate_mixtures`; the rows are `all`, one for each family among the queries, and
        `all_with_references` (the paper's way).

    Raises:
        InputError: There is no such split.
        DataError: The bank lacks what is needed.
    """
    check_split(split)
    candidates = bank.instruments
    references = _embed_references(encoder, bank, candidates, _part(progress, 0.0, 0.5))
    players = [row for row in candidates if row.split == split]
    report = _part(progress, 0.5, 1.0)
    embeddings: list[FloatArray] = []
    targets: list[str] = []
    is_reference: list[bool] = []
    for done, row in enumerate(players, start=1):
        embeddings.append(encoder.embed(bank.audio(row.instrument_id), SAMPLE_RATE))
        notes = bank.notes(row.instrument_id)
        targets += [row.instrument_id] * len(notes)
        is_reference += [note.index == REFERENCE_INDEX for note in notes]
        report(done / len(players), f"Notes of instruments, {done} of {len(players)}")
    ids = [row.instrument_id for row in candidates]
    queries = np.concatenate(embeddings)  # (Q, D)

    def score_only(chosen: Sequence[int]) -> Scores:
        return _score_against(
            queries[chosen], [targets[query] for query in chosen], ids, references, seed
        )

    held_out = [query for query, known in enumerate(is_reference) if not known]
    of_family: dict[str, list[int]] = defaultdict(list)
    for query in held_out:
        of_family[bank[targets[query]].family or "none"].append(query)
    rows = {"all": score_only(held_out)}
    rows |= {family: score_only(of_family[family]) for family in sorted(of_family)}
    rows["all_with_references"] = score_only(range(len(targets)))
    return _result("single", encoder, rows, primary="all", settings={"split": split, "seed": seed})


def mixture_candidates(bank: NoteBank, families: Sequence[str]) -> list[BankInstrument]:
    """All instruments of some families, whatever their split.

    Raises:
        DataError: The bank has none of a family.
    """
    present = {row.family for row in bank.instruments if row.family is not None}
    if missing := [family for family in families if family not in present]:
        raise DataError(
            f"The note bank {bank.folder} has no instrument of the family {missing[0]!r}; "
            f"it has {', '.join(sorted(present))}."
        )
    return [row for row in bank.instruments if row.family in families]


def reference_sounds(
    bank: NoteBank,
    instrument_ids: Iterable[str],
    *,
    progress: Progress | None = None,
) -> Iterator[FloatArray]:
    """Yield the reference note of each instrument, mono at 16 kHz.

    Raises:
        DataError: An instrument has no notes, or they cannot be read.
    """
    chosen = list(instrument_ids)
    for done, instrument_id in enumerate(chosen, start=1):
        yield bank.reference(instrument_id)
        if progress is not None:
            progress(done / len(chosen), f"Reference notes, {done} of {len(chosen)}")


def draw_casts(
    groups: Sequence[Sequence[int]], n_mixtures: int, generator: np.random.Generator
) -> list[tuple[int, ...]]:
    """Choose who plays in each mixture, one of each group.

    Everybody plays once, in random order, before anybody plays twice; then draws are uniform.
    Asking for more mixtures leaves the first ones as they were.
    """
    columns = []
    for group, own in zip(groups, generator.spawn(len(groups)), strict=True):
        once = own.permutation(group)[:n_mixtures]
        more = own.choice(group, n_mixtures - len(once))
        columns.append([int(number) for number in (*once, *more)])
    return list(zip(*columns, strict=True))


def _embed_references(
    encoder: Encoder, bank: NoteBank, instruments: Sequence[BankInstrument], progress: Progress
) -> FloatArray:
    """(N, D)."""
    ids = [row.instrument_id for row in instruments]
    sounds = reference_sounds(bank, ids, progress=progress)
    return np.concatenate([encoder.embed(chunk, SAMPLE_RATE) for chunk in _chunks(sounds)])


def _score_against(
    queries: FloatArray,
    targets: Sequence[str],
    ids: Sequence[str],
    references: FloatArray,
    seed: int,
) -> Scores:
    column = {instrument_id: number for number, instrument_id in enumerate(ids)}
    ranks = target_ranks(queries @ references.T, [column[target] for target in targets])
    return score(ranks, targets, len(ids), seed=seed)


def _result(
    protocol: str,
    encoder: Encoder,
    rows: dict[str, Scores],
    *,
    primary: str,
    settings: dict[str, Any],
) -> dict[str, Any]:
    return {
        "protocol": protocol,
        "encoder": encoder.identity,
        "primary": {"name": f"{primary} top_1", "value": rows[primary].estimates["top_1"].value},
        "settings": settings,
        "scores": {name: scores.as_dict() for name, scores in rows.items()},
    }


def _item_seed(seed: int, number: int) -> int:
    """Mix both into 32 bits, so that neighbouring seeds share no mixture."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])


def _chunks(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, _CHUNK)):
        yield chunk


def _part(progress: Progress | None, start: float, end: float) -> Callable[[float, str], None]:
    """Report a part's fraction as one of the whole."""

    def report(fraction: float, words: str) -> None:
        if progress is not None:
            progress(start + fraction * (end - start), words)

    return report
