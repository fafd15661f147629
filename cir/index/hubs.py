"""Instruments that are near to every mixture, and how much they are marked down for it.

In spaces of many dimensions a few points, hubs, are among the nearest of far too many queries
(Radovanović et al. 2010). Mixtures and notes lie in parts of the space of their own, which makes it
worse. What an instrument gets from mixtures that it does not play in is therefore taken from its
similarity, as CSLS does in translation (Conneau et al. 2018, one of its two terms).
"""

import json
from collections.abc import Mapping, Sequence
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
"""Only the most similar queries of the cohort count."""

_ADVICE = "delete it and run `cir database calibrate`"


@dataclass(frozen=True, eq=False)
class HubCohort:
    """What a model answered for mixtures of training instruments, family by family."""

    identity: str
    """Of the model."""
    about: str
    """One line: which mixtures."""
    queries: Mapping[str, FloatArray]
    """By family, unit norm, (C, D)."""
    owners: Mapping[str, tuple[str, ...]]
    """By family, the id of the instrument that plays, C."""

    def bias(self, embeddings: FloatArray, ids: Sequence[str], family: str) -> FloatArray:
        """How much nearer each instrument is to mixtures that it does not play in than others are.

        Args:
            embeddings: Of a family's instruments, unit norm, (N, D).
            ids: Theirs, N.
            family: That is asked for; where the cohort has none of it, nobody is marked down.

        Returns:
            What is to be taken from their cosines, (N,), 0 on average: they stay cosines in size.
        """
        bias = np.zeros(len(embeddings), np.float32)
        queries = self.queries.get(family)
        if queries is None or not len(embeddings):
            return bias
        similarities = embeddings @ queries.T  # (N, C)
        own = np.array(ids, dtype=object)[:, np.newaxis] == np.array(self.owners[family], object)
        similarities[own] = -np.inf
        nearest = np.sort(similarities, axis=1)[:, -NEAREST:]
        counted = np.isfinite(nearest)
        sums = np.where(counted, nearest, 0.0).sum(axis=1)
        known = counted.any(axis=1)
        np.divide(sums, counted.sum(axis=1), out=bias, where=known)
        if known.any():
            bias[known] -= bias[known].mean()
        return bias

    def check_identity(self, identity: str) -> None:
        """Make sure that this is of a model.

        Raises:
            DatabaseError: It is of another one.
        """
        if identity != self.identity:
            raise DatabaseError(
                f"The cohort of mixtures is of the model {self.identity}, not of {identity}: run "
                "`cir database calibrate` with that model."
            )


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
        raise DatabaseError(f"{path} cannot be read ({error}); {_ADVICE}.") from None


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
    try:
        with replacing(folder / HUBS_NAME) as temporary:
            save_file(tensors, temporary, metadata=told)
            temporary.chmod(0o644)  # safetensors would let only its owner read it
    except OSError as error:
        raise DatabaseError(
            f"Cannot write {folder / HUBS_NAME} ({error.strerror}); calibrate a copy of the "
            "database (`cir database export FOLDER`, then --database FOLDER)."
        ) from None
