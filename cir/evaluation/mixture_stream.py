"""Drawing mixtures and embedding them by every method, a few at a time."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import TypeAlias, TypeVar

import numpy as np

from cir.errors import DataError, InputError
from cir.evaluation.answers import ABSENT, FamilyAnswers
from cir.evaluation.casts import draw_casts, draw_mixed_casts
from cir.evaluation.gallery import Gallery
from cir.evaluation.listeners import Method, Timed
from cir.index.references import average_notes
from cir.instruments.families import check_families
from cir.metrics import IntArray
from cir.mixtures.mixture_config import PAPER_FAMILIES, MixtureConfig
from cir.mixtures.pool import NotePool
from cir.mixtures.render import Mixture, draw_mixture
from cir.types import FloatArray, Progress, part

CHUNK = 32
"""Sounds embedded at a time: 32 mixtures of 10 s are 20 MB."""

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class MixtureSet:
    """Parameters of mixtures; the same set of the same gallery gives the same sounds."""

    n_mixtures: int = 5_000
    seed: int = 0
    split: str = "test"
    """Split of the instruments that play; `all` for all splits."""
    families: tuple[str, ...] = PAPER_FAMILIES
    """Families that play, one instrument of each; with `n_stems`, families that may play."""
    n_stems: int | None = None
    """Number of instruments, of different families drawn anew for each mixture."""
    config: MixtureConfig = field(default_factory=MixtureConfig)
    """Setting of the mixtures; its families are replaced by those that play."""

    def __post_init__(self) -> None:
        if self.n_mixtures < 1:
            raise InputError(f"{self.n_mixtures} mixtures were asked for; at least 1 is needed.")
        object.__setattr__(self, "families", tuple(check_families(self.families)))


@dataclass(frozen=True)
class Question:
    """A mixture and the stems that are searched for in it."""

    mixture: Mixture
    stems: tuple[int, ...]


Alteration: TypeAlias = Callable[[int, Mixture], Question]
"""Alters a mixture, given its number."""


def draw_mixtures(pool: NotePool, mixture_set: MixtureSet) -> Iterator[list[tuple[int, Mixture]]]:
    """Render the mixtures of a set, up to 32 at a time, each with its number.

    Args:
        pool: Notes of the set's split and families.
        mixture_set: Mixtures to draw.

    Raises:
        InputError: There are fewer families than instruments in a mixture.
        DataError: A family has no instrument.
    """
    casts = _draw_casts(pool, mixture_set)
    for numbers in chunks(range(mixture_set.n_mixtures)):
        yield [(number, _play(pool, mixture_set, number, casts[number])) for number in numbers]


def ask_mixtures(
    methods: Mapping[str, Timed],
    gallery: Gallery,
    mixture_set: MixtureSet,
    *,
    pool: NotePool | None = None,
    references: "References | None" = None,
    alter: Alteration | None = None,
    n_absent: int = 0,
    progress: Progress | None = None,
) -> dict[str, dict[str, FamilyAnswers]]:
    """Search for every instrument of every mixture among the gallery's references of its family.

    A mixture is rendered once for all methods.

    Args:
        methods: Methods by name.
        gallery: Data whose references are ranked.
        mixture_set: Mixtures to draw.
        pool: `gallery.pool` of the set's split and families, if it exists already.
        references: `embed_references` of these methods, if they exist already.
        alter: Alters each mixture.
        n_absent: Number of families that do not play but are searched for in each mixture, drawn by
            the set's seed.
        progress: Called with the fraction done.

    Returns:
        Answers by method and by family, in the order of the set.

    Raises:
        InputError: There is no such split, or too few families.
        DataError: The gallery lacks instruments of a family.
    """
    rows = np.concatenate([gallery.of_family(family) for family in mixture_set.families])
    prepared = 0.0 if pool is not None and references is not None else 0.4
    if pool is None:
        pool = gallery.pool(mixture_set.split, mixture_set.families, part(progress, 0.0, 0.1))
    if references is None:
        references = embed_references(methods, gallery, rows, part(progress, 0.1, 0.4))
    report = part(progress, prepared, 1.0)
    collectors = {
        family: _Collector(family, gallery, references) for family in mixture_set.families
    }
    for chunk in draw_mixtures(pool, mixture_set):
        questions = [
            Question(one, tuple(range(len(one.stems)))) if alter is None else alter(number, one)
            for number, one in chunk
        ]
        asked = [
            _asked_families(question, number, mixture_set, n_absent)
            for (number, _), question in zip(chunk, questions, strict=True)
        ]
        heard = [question.mixture for question in questions]
        answers = _once_each(methods, partial(_listen, mixtures=heard, asked=asked))
        for place, (number, _) in enumerate(chunk):
            for column, (family, target) in enumerate(asked[place].items()):
                vectors = {name: one[place][column] for name, one in answers.items()}
                collectors[family].append(number, target, vectors)
        done = chunk[-1][0] + 1
        report(done / mixture_set.n_mixtures, f"Mixtures, {done} of {mixture_set.n_mixtures}")
    return {
        name: {
            family: collector.answers(name)
            for family, collector in collectors.items()
            if collector.mixtures
        }
        for name in methods
    }


@dataclass(frozen=True, eq=False)
class References:
    """Reference notes of some instruments, embedded by several methods."""

    rows: IntArray
    """Rows of the gallery, without silent instruments, (N,)."""
    embeddings: dict[str, FloatArray]
    """Embeddings by method, (N, D)."""

    def of_family(self, gallery: Gallery, family: str) -> IntArray:
        """Return the places in `rows` of a family's instruments."""
        return np.array(
            [n for n, row in enumerate(self.rows) if gallery.entries[row].family == family],
            dtype=np.int64,
        )


def embed_references(
    methods: Mapping[str, Timed],
    gallery: Gallery,
    rows: IntArray,
    progress: Progress | None = None,
) -> References:
    """Embed the reference notes of each instrument, decoded once for all methods.

    Raises:
        DataError: All instruments are silent.
    """
    kept: list[int] = []
    parts: dict[str, list[FloatArray]] = {name: [] for name in methods}
    for chunk in chunks(gallery.known_by(rows, progress)):
        kept += [row for row, _ in chunk]
        sounds = [note.audio for _, notes in chunk for note in notes]
        counts = [len(notes) for _, notes in chunk]
        for name, notes in _once_each(methods, partial(Timed.embed, sounds=sounds)).items():
            parts[name].append(average_notes(notes, counts))
    if not kept:
        raise DataError(f"None of {len(rows)} instruments has a note that sounds.")
    return References(
        np.array(kept, dtype=np.int64),
        {name: np.concatenate(found) for name, found in parts.items()},
    )


class _Collector:
    """Collects the queries for one family."""

    def __init__(self, family: str, gallery: Gallery, references: References) -> None:
        own = references.of_family(gallery, family)
        self._family = family
        self._candidates = tuple(gallery.entries[row].instrument_id for row in references.rows[own])
        self._columns = {name: column for column, name in enumerate(self._candidates)}
        self._embeddings = {name: found[own] for name, found in references.embeddings.items()}
        self._vectors: dict[str, list[FloatArray]] = {name: [] for name in references.embeddings}
        self._targets: list[int] = []
        self.mixtures: list[int] = []

    def append(self, number: int, target: str | None, vectors: Mapping[str, FloatArray]) -> None:
        self._targets.append(ABSENT if target is None else self._columns[target])
        self.mixtures.append(number)
        for name, vector in vectors.items():
            self._vectors[name].append(vector)

    def answers(self, name: str) -> FamilyAnswers:
        similarities = np.stack(self._vectors[name]) @ self._embeddings[name].T
        return FamilyAnswers(
            self._family,
            self._candidates,
            similarities,
            np.array(self._targets, dtype=np.int64),
            np.array(self.mixtures, dtype=np.int64),
        )


def _once_each(methods: Mapping[str, Timed], ask: Callable[[Timed], _Item]) -> dict[str, _Item]:
    """Ask every method; those with the same identity give the same answer and are asked once."""
    answers: dict[str, _Item] = {}
    for method in methods.values():
        if method.identity not in answers:
            answers[method.identity] = ask(method)
    return {name: answers[method.identity] for name, method in methods.items()}


def _listen(
    method: Timed, mixtures: Sequence[Mixture], asked: Sequence[Iterable[str]]
) -> list[FloatArray]:
    """Embed each mixture for its own families, mixtures with equal families in one call.

    Returns:
        For each mixture, (F, D) in the order of its families.
    """
    alike: dict[tuple[str, ...], list[int]] = {}
    for place, families in enumerate(asked):
        alike.setdefault(tuple(families), []).append(place)
    found: dict[int, FloatArray] = {}
    for families, places in alike.items():
        answers = method.listen([mixtures[place] for place in places], families)
        found.update(zip(places, answers, strict=True))
    return [found[place] for place in range(len(mixtures))]


def _draw_casts(pool: NotePool, mixture_set: MixtureSet) -> list[tuple[int, ...]]:
    if mixture_set.n_stems is not None:
        return draw_mixed_casts(
            pool,
            mixture_set.families,
            mixture_set.n_stems,
            mixture_set.n_mixtures,
            mixture_set.seed,
        )
    groups = [pool.of_family(family) for family in mixture_set.families]
    generator = np.random.default_rng(mixture_set.seed)
    return draw_casts(groups, mixture_set.n_mixtures, generator)


def _play(pool: NotePool, mixture_set: MixtureSet, number: int, cast: tuple[int, ...]) -> Mixture:
    families = tuple(str(pool.instruments[player].family) for player in cast)
    config = replace(mixture_set.config, families=families)
    return draw_mixture(_item_seed(mixture_set.seed, number), pool, config, instruments=cast)


def _asked_families(
    question: Question, number: int, mixture_set: MixtureSet, n_absent: int
) -> dict[str, str | None]:
    """Return the target of each family that is searched for, None if the family is absent."""
    plan = question.mixture.plan
    asked: dict[str, str | None] = {
        str(plan.families[stem]): plan.instrument_ids[stem] for stem in question.stems
    }
    if n_absent:
        absent = [name for name in mixture_set.families if name not in plan.families]
        generator = np.random.default_rng([mixture_set.seed, number, 1])
        asked |= dict.fromkeys(map(str, generator.permutation(absent)[:n_absent]))
    return asked


def _item_seed(seed: int, number: int) -> int:
    """Hash both into 32 bits, so that neighbouring seeds share no mixture."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])


def chunks(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    """Split items into lists of up to 32."""
    iterator = iter(items)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk


def timed(methods: Mapping[str, Method]) -> dict[str, Timed]:
    """Wrap every method so that its computing time is measured."""
    return {name: Timed(method) for name, method in methods.items()}
