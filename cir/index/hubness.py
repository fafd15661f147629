"""Hubness: instruments that are near to every mixture, and the penalty that corrects for it.

In spaces of many dimensions a few points, hubs, are among the nearest of far too many queries
(Radovanović et al. 2010). Embeddings of mixtures and of notes lie in different parts of the space,
which makes it worse. The similarity that an instrument has to mixtures it does not play in is
therefore subtracted, as CSLS does in translation (Conneau et al. 2018, one of its two terms).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from cir.errors import DatabaseError
from cir.files import replacing
from cir.schema import TENSOR_ERRORS
from cir.types import FloatArray

HUBS_NAME = "hubs.safetensors"
NEAREST = 10
"""How many of the most similar queries of the cohort count."""

REFIT = "delete it and run `cir database calibrate`"
"""Advice for a file of fitted values that cannot be read."""


@dataclass(frozen=True, eq=False)
class HubCohort:
    """Embeddings that a model gave to mixtures of training instruments, by family."""

    identity: str
    """Of the model."""
    about: str
    """One line: which mixtures."""
    queries: Mapping[str, FloatArray]
    """By family, unit norm, (C, D)."""
    owners: Mapping[str, tuple[str, ...]]
    """By family, the id of the instrument that plays in each mixture, C."""

    def bias(
        self,
        embeddings: FloatArray,
        ids: Sequence[str],
        family: str,
        level: float | None = None,
    ) -> FloatArray:
        """Return the hub penalty of each instrument, to be subtracted from its similarity.

        Args:
            embeddings: Of instruments that are candidates for the family, unit norm, (N, D).
            ids: Their ids, N; a mixture in which an instrument plays does not count for it.
            family: The family that is searched for.
            level: The nearness that costs nothing, see `level`; None for the mean of these
                instruments, so that their similarities keep their size.

        Returns:
            (N,); zeros where the cohort has no mixture of the family.
        """
        nearness = self.nearness(embeddings, ids, family)
        if level is None:
            level = _mean(nearness)
        return np.asarray(np.nan_to_num(nearness - np.float32(level)), np.float32)

    def level(self, embeddings: FloatArray, ids: Sequence[str], family: str) -> float | None:
        """Return the mean nearness of instruments to mixtures of others, None where unknown."""
        nearness = self.nearness(embeddings, ids, family)
        return None if np.isnan(nearness).all() else _mean(nearness)

    def nearness(self, embeddings: FloatArray, ids: Sequence[str], family: str) -> FloatArray:
        """Mean similarity to the nearest mixtures of others, (N,), NaN where there are none."""
        nearness = np.full(len(embeddings), np.nan, np.float32)
        queries = self.queries.get(family)
        if queries is None or not len(embeddings):
            return nearness
        similarities = embeddings @ queries.T  # (N, C)
        rows = {name: row for row, name in enumerate(ids)}
        for mixture, owner in enumerate(self.owners[family]):
            if owner in rows:
                similarities[rows[owner], mixture] = -np.inf
        if similarities.shape[1] > NEAREST:
            similarities = np.partition(similarities, -NEAREST, axis=1)[:, -NEAREST:]
        nearest = np.sort(similarities, axis=1)
        counted = np.isfinite(nearest)
        sums = np.where(counted, nearest, 0.0).sum(axis=1)
        np.divide(sums, counted.sum(axis=1), out=nearness, where=counted.any(axis=1))
        return nearness

    def check_identity(self, identity: str) -> None:
        """Make sure that a model made this cohort.

        Raises:
            DatabaseError: Another model made it.
        """
        if identity != self.identity:
            raise DatabaseError(
                f"The hub cohort was made by the model {self.identity}, not by {identity}: run "
                "`cir database calibrate` with that model."
            )


def _mean(nearness: FloatArray) -> float:
    known = nearness[~np.isnan(nearness)]
    return float(known.mean()) if len(known) else 0.0


def read_hubs(folder: Path) -> HubCohort | None:
    """Read the cohort of the database in `folder`; None where it has none.

    Raises:
        DatabaseError: It is damaged.
    """
    path = folder / HUBS_NAME
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="np") as file:
            told = file.metadata() or {}
            queries = {name: file.get_tensor(name).astype(np.float32) for name in file.keys()}  # noqa: SIM118
        owners = {name: tuple(ids) for name, ids in json.loads(told["owners"]).items()}
        if {name: len(one) for name, one in queries.items()} != {
            name: len(ids) for name, ids in owners.items()
        }:
            raise ValueError("its queries and their owners differ in number")
        return HubCohort(told["identity"], told["about"], queries, owners)
    except (*TENSOR_ERRORS, RecursionError) as error:
        raise DatabaseError(f"{path} cannot be read ({error}); {REFIT}.") from None


def write_hubs(folder: Path, hubs: HubCohort) -> None:
    """Store a cohort with the database in `folder`, as float16.

    Raises:
        DatabaseError: The folder cannot be written to.
    """
    tensors = {
        name: np.ascontiguousarray(one, dtype=np.float16) for name, one in hubs.queries.items()
    }
    told = {
        "identity": hubs.identity,
        "about": hubs.about,
        "owners": json.dumps({name: list(ids) for name, ids in hubs.owners.items()}),
    }
    with replacing_fit(folder / HUBS_NAME) as temporary:
        save_file(tensors, temporary, metadata=told)
        temporary.chmod(0o644)  # safetensors would let only its owner read it


@contextmanager
def replacing_fit(path: Path) -> Iterator[Path]:
    """Replace a file of fitted values, as `cir.files.replacing` does.

    Raises:
        DatabaseError: The folder cannot be written to.
    """
    try:
        with replacing(path) as temporary:
            yield temporary
    except OSError as error:
        raise DatabaseError(
            f"Cannot write {path} ({error.strerror}); calibrate a copy of the database "
            "(`cir database export FOLDER`, then --database FOLDER)."
        ) from None
