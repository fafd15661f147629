"""Scores of a set of queries, each with its interval and the score of a random ranking."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cir import metrics
from cir.errors import InputError
from cir.evaluation import bootstrap
from cir.evaluation.listeners import Timed
from cir.metrics import Float64Array, IntArray

METRICS = ("top_1", "top_5", "mrr", "median_rank")

RESAMPLES = 2000

CURVE = (1, 2, 3, 5, 10, 20, 50, 100)
"""Values of k on the curve of top-k accuracy."""


@dataclass(frozen=True)
class Estimate:
    """A score, its 95 % interval and the score of a random ranking."""

    value: float
    chance: float
    replicates: Float64Array | None = field(repr=False, compare=False)
    """The score in each bootstrap resample, (B,); None if all queries are for one instrument."""

    @property
    def interval(self) -> tuple[float, float] | None:
        """Low and high end; None if all queries are for one instrument."""
        return None if self.replicates is None else bootstrap.percentile_interval(self.replicates)

    def as_dict(self) -> dict[str, float | None]:
        """Return it for JSON; `low` and `high` are None if there is no interval."""
        low, high = self.interval or (None, None)
        return {"value": self.value, "low": low, "high": high, "chance": self.chance}


@dataclass(frozen=True)
class Scores:
    """All scores of one set of queries against one set of candidates."""

    queries: int
    instruments: int
    """Distinct instruments among the queries, which the intervals resample."""
    candidates: float
    """References that are ranked for a query; a mean if sets were averaged."""
    estimates: Mapping[str, Estimate]
    """Estimates by name, see `METRICS`."""
    curve: Mapping[int, float] = field(default_factory=dict)
    """Top-k accuracy by k, for those of `CURVE` that do not exceed the candidates."""

    def as_dict(self) -> dict[str, object]:
        """Return them for JSON."""
        return {
            "queries": self.queries,
            "instruments": self.instruments,
            "candidates": self.candidates,
            **{name: estimate.as_dict() for name, estimate in self.estimates.items()},
            "curve": {str(k): accuracy for k, accuracy in self.curve.items()},
        }


def score(ranks: IntArray, instruments: Sequence[str], candidates: int, *, seed: int = 0) -> Scores:
    """Compute the scores of some queries.

    Args:
        ranks: Ranks of the right candidates, from 1 to `candidates`, (Q,).
        instruments: Right instrument of each query, (Q,).
        candidates: Number of references that were ranked.
        seed: Seed of the bootstrap.

    Raises:
        InputError: There is no query, or the lengths differ.
    """
    if not len(ranks) or len(ranks) != len(instruments):
        raise InputError(
            f"{len(ranks)} ranks and {len(instruments)} instruments; "
            "give as many of each, one at least."
        )
    groups = bootstrap.group_numbers(instruments)
    n_groups = int(groups.max()) + 1
    counts = bootstrap.draw_counts(n_groups, RESAMPLES, np.random.default_rng(seed))

    def estimate(value: float, chance: float, replicates: Float64Array) -> Estimate:
        return Estimate(value, chance, replicates if n_groups > 1 else None)

    def mean_of(values: Float64Array, chance: float) -> Estimate:
        replicates = bootstrap.resampled_means(values, groups, counts)
        return estimate(float(values.mean()), chance, replicates)

    estimates = {
        "top_1": mean_of(metrics.hits(ranks, 1), metrics.chance_top_k(candidates, 1)),
        "top_5": mean_of(metrics.hits(ranks, 5), metrics.chance_top_k(candidates, 5)),
        "mrr": mean_of(
            metrics.reciprocal_ranks(ranks), metrics.chance_mean_reciprocal_rank(candidates)
        ),
        "median_rank": estimate(
            metrics.median_rank(ranks),
            metrics.chance_median_rank(candidates),
            bootstrap.resampled_medians(ranks.astype(np.float64), groups, counts),
        ),
    }
    curve = {k: metrics.top_k_accuracy(ranks, k) for k in CURVE if k <= candidates}
    return Scores(len(ranks), n_groups, float(candidates), estimates, curve)


def average(parts: Sequence[Scores]) -> Scores:
    """Return the unweighted mean of several scores, e.g. over the families of a mixture.

    The intervals come from the mean of the parts' replicates, so score the parts with different
    seeds: the instruments of each family are redrawn independently.
    """
    if not parts:
        raise InputError("No scores to average; give one at least.")

    def mean_estimate(name: str) -> Estimate:
        of_parts = [part.estimates[name] for part in parts]
        replicates = [one.replicates for one in of_parts if one.replicates is not None]
        return Estimate(
            float(np.mean([one.value for one in of_parts])),
            float(np.mean([one.chance for one in of_parts])),
            np.mean(replicates, axis=0) if len(replicates) == len(parts) else None,
        )

    return Scores(
        queries=sum(part.queries for part in parts),
        instruments=sum(part.instruments for part in parts),
        candidates=float(np.mean([part.candidates for part in parts])),
        estimates={name: mean_estimate(name) for name in METRICS},
        curve={
            k: float(np.mean([part.curve[k] for part in parts]))
            for k in CURVE
            if all(k in part.curve for part in parts)
        },
    )


def make_result(
    protocol: str,
    name: str,
    method: Timed,
    rows: Mapping[str, Scores],
    *,
    primary: str,
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the result of one method.

    Args:
        protocol: `mixtures` or `single`.
        name: Name of the method.
        method: Its identity and computing time.
        rows: Scores by name.
        primary: Name of the row that summarises them.
        settings: Settings of the experiment.
    """
    return {
        "protocol": protocol,
        "name": name,
        "encoder": method.identity,
        "seconds": round(method.seconds, 2),
        "primary": {"name": f"{primary} top_1", "value": rows[primary].estimates["top_1"].value},
        "settings": dict(settings),
        "scores": {row: scores.as_dict() for row, scores in rows.items()},
    }
