"""Ranks, accuracies and intervals against slow, obvious versions of themselves."""

import math

import numpy as np
import pytest

from cir import metrics
from cir.errors import InputError
from cir.evaluation import bootstrap
from cir.evaluation.scores import METRICS, Estimate, Scores, average, score


def naive_ranks(similarities: np.ndarray, targets: np.ndarray) -> list[int]:
    """Sort each row, the target behind everything that equals it, and look for the target."""
    ranks = []
    for row, target in zip(similarities, targets, strict=True):
        order = sorted(range(len(row)), key=lambda column: (-row[column], column == target))
        ranks.append(order.index(target) + 1)
    return ranks


def test_ranks_equal_sorting() -> None:
    rng = np.random.default_rng(0)
    similarities = np.round(rng.standard_normal((200, 37)), 1)  # rounded: many ties
    targets = rng.integers(0, 37, 200)
    ranks = metrics.target_ranks(similarities, targets)
    assert ranks.tolist() == naive_ranks(similarities, targets)


def test_ties_count_against_the_target_wherever_it_stands() -> None:
    constant = np.ones((4, 4), dtype=np.float32)
    assert metrics.target_ranks(constant, np.arange(4)).tolist() == [4, 4, 4, 4]


@pytest.mark.parametrize(
    ("similarities", "rank"),
    [
        ([math.nan, math.nan, math.nan], 3),
        ([math.nan, 0.5, 0.1], 3),
        ([0.9, math.nan, 0.1], 2),
        ([0.9, math.inf, -math.inf], 2),
        ([-math.inf, 0.5, 0.1], 3),
    ],
)
def test_what_is_no_number_counts_against_the_target(similarities: list[float], rank: int) -> None:
    assert metrics.target_ranks(np.array([similarities], np.float32), [0]).tolist() == [rank]
    assert metrics.target_ranks(np.array([similarities], np.float64), [0]).tolist() == [rank]


def test_rounding_noise_is_a_tie() -> None:
    similarities = np.array([[0.5, 0.5 - 1e-8, 0.4], [0.5, 0.5 + 1e-8, 0.4]])
    assert metrics.target_ranks(similarities, [0, 0]).tolist() == [2, 2]


def test_ranks_do_not_depend_on_the_order_of_candidates() -> None:
    rng = np.random.default_rng(1)
    similarities = np.round(rng.standard_normal((50, 20)), 1)
    targets = rng.integers(0, 20, 50)
    order = rng.permutation(20)
    shuffled = metrics.target_ranks(similarities[:, order], np.argsort(order)[targets])
    np.testing.assert_array_equal(shuffled, metrics.target_ranks(similarities, targets))


@pytest.mark.parametrize(
    ("similarities", "targets", "message"),
    [
        (np.zeros((2, 3)), [0], "do not agree"),
        (np.zeros(3), [0, 1, 2], "do not agree"),
        (np.zeros((1, 3)), [3], "3 candidates"),
        (np.zeros((1, 3)), [-1], "3 candidates"),
    ],
)
def test_ranks_refuse_what_makes_no_sense(
    similarities: np.ndarray, targets: list[int], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        metrics.target_ranks(similarities, targets)


def test_figures_by_hand() -> None:
    ranks = np.array([1, 2, 5, 6, 10])
    assert metrics.top_k_accuracy(ranks, 1) == pytest.approx(0.2)
    assert metrics.top_k_accuracy(ranks, 5) == pytest.approx(0.6)
    assert metrics.mean_reciprocal_rank(ranks) == pytest.approx(
        (1 + 1 / 2 + 1 / 5 + 1 / 6 + 1 / 10) / 5
    )
    assert metrics.median_rank(ranks) == 5
    assert metrics.median_rank(ranks[:4]) == 3.5


def test_chance_is_what_random_rankings_reach() -> None:
    rng = np.random.default_rng(2)
    ranks = metrics.target_ranks(rng.standard_normal((20_000, 12)), rng.integers(0, 12, 20_000))
    assert metrics.top_k_accuracy(ranks, 5) == pytest.approx(metrics.chance_top_k(12, 5), abs=0.015)
    assert metrics.mean_reciprocal_rank(ranks) == pytest.approx(
        metrics.chance_mean_reciprocal_rank(12), abs=0.01
    )
    assert metrics.median_rank(ranks) == pytest.approx(metrics.chance_median_rank(12), abs=0.6)


def test_chance_of_few_candidates_is_certainty() -> None:
    assert metrics.chance_top_k(3, 5) == 1.0


def resamples(groups: np.ndarray, draws: np.ndarray, values: np.ndarray) -> list[np.ndarray]:
    """The values of each resample, put together one drawn group at a time."""
    return [np.concatenate([values[groups == one] for one in row]) for row in draws]


def test_bootstrap_equals_explicit_resampling() -> None:
    values = np.random.default_rng(3).integers(1, 30, 60).astype(np.float64)
    groups = np.random.default_rng(4).permutation(np.repeat(np.arange(7), [1, 2, 3, 9, 10, 15, 20]))
    counts = bootstrap.draw_counts(7, 300, np.random.default_rng(5))
    explicit = resamples(groups, np.random.default_rng(5).integers(0, 7, size=(300, 7)), values)
    np.testing.assert_allclose(
        bootstrap.resampled_means(values, groups, counts), [one.mean() for one in explicit]
    )
    np.testing.assert_allclose(
        bootstrap.resampled_medians(values, groups, counts), [np.median(one) for one in explicit]
    )


def test_medians_do_not_depend_on_the_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(6).random(50)
    groups = np.arange(50) % 9
    counts = bootstrap.draw_counts(9, 100, np.random.default_rng(7))
    whole = bootstrap.resampled_medians(values, groups, counts)
    monkeypatch.setattr(bootstrap, "_CHUNK_ELEMENTS", 130)
    np.testing.assert_array_equal(bootstrap.resampled_medians(values, groups, counts), whole)


def test_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(8)
    covered = 0
    for _ in range(200):
        values = rng.standard_normal(60) + 3.0
        counts = bootstrap.draw_counts(60, 400, rng)
        low, high = bootstrap.percentile_interval(
            bootstrap.resampled_means(values, np.arange(60), counts)
        )
        covered += low <= 3.0 <= high
    assert 0.88 <= covered / 200 <= 0.99


def width(estimate: Estimate) -> float:
    assert estimate.interval is not None
    low, high = estimate.interval
    return high - low


def clustered_scores(seed: int = 0) -> Scores:
    """Ten instruments, each always found or never."""
    ranks = np.repeat([1, 20, 1, 20, 1, 20, 1, 20, 1, 20], 30)
    return score(ranks, [f"i{number // 30}" for number in range(300)], 20, seed=seed)


def test_intervals_resample_instruments_not_queries() -> None:
    clustered = clustered_scores().estimates["top_1"]
    apart = score(np.tile([1, 20], 150), [f"i{number}" for number in range(300)], 20).estimates[
        "top_1"
    ]
    assert clustered.value == apart.value == 0.5
    assert width(clustered) > 3 * width(apart)


def test_scores_are_seeded() -> None:
    assert clustered_scores(seed=1).as_dict() == clustered_scores(seed=1).as_dict()
    varied = np.random.default_rng(0).integers(1, 21, 300)
    names = [f"i{number // 10}" for number in range(300)]
    first, second = score(varied, names, 20, seed=1), score(varied, names, 20, seed=2)
    assert first.estimates["mrr"].value == second.estimates["mrr"].value
    assert first.estimates["mrr"].interval != second.estimates["mrr"].interval


def test_scores_say_what_they_rest_on() -> None:
    scores = clustered_scores()
    assert (scores.queries, scores.instruments, scores.candidates) == (300, 10, 20)
    assert scores.estimates["top_5"].chance == pytest.approx(0.25)
    assert tuple(scores.estimates) == METRICS
    for estimate in scores.estimates.values():
        assert estimate.interval is not None
        low, high = estimate.interval
        assert low <= estimate.value <= high


def test_average_is_the_mean_with_a_narrower_interval() -> None:
    perfect = score(np.ones(30, dtype=np.int64), [f"i{n}" for n in range(30)], 40)
    mean = average([clustered_scores(), perfect])
    assert mean.estimates["top_1"].value == pytest.approx(0.75)
    assert mean.estimates["top_1"].chance == pytest.approx((1 / 20 + 1 / 40) / 2)
    assert mean.candidates == 30
    wide = clustered_scores().estimates["top_1"]
    assert width(mean.estimates["top_1"]) == pytest.approx(width(wide) / 2)


def test_one_instrument_has_no_interval() -> None:
    alone = score(np.array([1, 3, 1]), ["one"] * 3, 20)
    figures = alone.estimates["top_1"].as_dict()
    assert figures == {"value": pytest.approx(2 / 3), "low": None, "high": None, "chance": 0.05}
    mean = average([alone, clustered_scores()])
    assert mean.estimates["mrr"].interval is None
    assert mean.estimates["mrr"].value > 0


def test_scores_of_nothing_are_refused() -> None:
    with pytest.raises(InputError, match="0 ranks"):
        score(np.array([], dtype=np.int64), [], 10)
    with pytest.raises(InputError, match="No scores"):
        average([])
