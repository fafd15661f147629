"""Reliability, expected calibration error and AUROC, against plain loops."""

import numpy as np
import pytest

from cir.errors import InputError
from cir.evaluation.reliability import N_BINS, auroc, expected_calibration_error, reliability_bins

GENERATOR = np.random.default_rng(0)
CHANCES = np.concatenate([GENERATOR.beta(0.5, 2.0, 400), [0.0, 0.1, 0.3, 0.7, 0.9, 1.0]])
RIGHT = (GENERATOR.random(406) < CHANCES**1.5).astype(np.float64)
GROUPS = GENERATOR.integers(0, 12, 406)


def naive_ece(chances: np.ndarray, right: np.ndarray) -> float:
    bins: dict[int, list[tuple[float, float]]] = {}
    for chance, outcome in zip(chances.tolist(), right.tolist(), strict=True):
        bins.setdefault(min(int(chance * 10), 9), []).append((chance, outcome))
    error = 0.0
    for members in bins.values():
        mean = sum(chance for chance, _ in members) / len(members)
        share = sum(outcome for _, outcome in members) / len(members)
        error += len(members) / len(chances) * abs(mean - share)
    return error


def naive_auroc(positives: np.ndarray, negatives: np.ndarray) -> float:
    won = sum(
        1.0 if above > below else 0.5 if above == below else 0.0
        for above in positives.tolist()
        for below in negatives.tolist()
    )
    return won / (len(positives) * len(negatives))


def test_ece_equals_the_oracle() -> None:
    found = expected_calibration_error(CHANCES, RIGHT, GROUPS)
    assert found.value == pytest.approx(naive_ece(CHANCES, RIGHT))
    low, high = found.interval or (0.0, 0.0)
    assert 0.0 <= low < high <= 1.0


def test_ece_of_a_resample_is_that_of_its_queries() -> None:
    chances, right, groups = CHANCES[:60], RIGHT[:60], GROUPS[:60] % 2
    replicates = expected_calibration_error(chances, right, groups).replicates
    assert replicates is not None
    rows = [np.flatnonzero(groups == group) for group in range(2)]
    possible = [
        naive_ece(chances[both], right[both])
        for pair in ((0, 0), (0, 1), (1, 1))
        for both in [np.concatenate([rows[one] for one in pair])]
    ]
    assert all(np.isclose(possible, one).any() for one in replicates)


def test_ece_redraws_groups_that_have_answers() -> None:
    few = expected_calibration_error(CHANCES, RIGHT, 7 * GROUPS)  # most numbers have none
    assert few.interval == expected_calibration_error(CHANCES, RIGHT, GROUPS).interval


def test_ece_knows_the_perfect_and_the_worst() -> None:
    sure = np.array([0.0, 1.0, 1.0])
    groups = np.array([0, 0, 1])
    assert expected_calibration_error(sure, sure, groups).value == 0.0
    assert expected_calibration_error(sure, 1.0 - sure, groups).value == 1.0
    assert expected_calibration_error(sure, sure, np.zeros(3, dtype=np.int64)).interval is None


def test_bins_hold_every_answer_once() -> None:
    bins = reliability_bins(CHANCES, RIGHT)
    assert len(bins) == N_BINS
    assert sum(one.count for one in bins) == len(CHANCES)
    assert (bins[0].low, bins[-1].high) == (0.0, 1.0)
    for one in bins:
        if one.count:
            assert one.chance is not None and one.accuracy is not None
            assert one.low <= one.chance <= one.high
            assert 0.0 <= one.accuracy <= 1.0
    error = sum(one.count * abs((one.chance or 0.0) - (one.accuracy or 0.0)) for one in bins) / len(
        CHANCES
    )
    assert error == pytest.approx(naive_ece(CHANCES, RIGHT))
    (empty,) = {one.chance for one in reliability_bins(np.array([0.95]), np.array([1.0]))[:9]}
    assert empty is None


@pytest.mark.parametrize(
    ("chances", "right"), [([], []), ([0.5], [1.0, 0.0]), ([1.5], [1.0]), ([float("nan")], [1.0])]
)
def test_what_are_no_chances_is_refused(chances: list[float], right: list[float]) -> None:
    with pytest.raises(InputError):
        reliability_bins(np.array(chances), np.array(right))


@pytest.mark.parametrize("decimals", [1, 6])
def test_auroc_equals_the_oracle_with_ties(decimals: int) -> None:
    generator = np.random.default_rng(1)
    positives = generator.normal(0.3, 1.0, 70).round(decimals)
    negatives = generator.normal(0.0, 1.0, 110).round(decimals)
    found = auroc(positives, negatives, generator.integers(0, 9, 70), generator.integers(0, 9, 110))
    assert found.value == pytest.approx(naive_auroc(positives, negatives))
    low, high = found.interval or (0.0, 0.0)
    assert low < found.value < high


def test_auroc_of_a_resample_is_that_of_its_queries() -> None:
    generator = np.random.default_rng(2)
    positives, negatives = generator.normal(0.5, 1.0, 12), generator.normal(0.0, 1.0, 15)
    groups, others = np.arange(12) % 2, np.arange(15) % 2
    replicates = auroc(positives, negatives, groups, others).replicates
    assert replicates is not None
    possible = [
        naive_auroc(
            np.concatenate([positives[groups == one] for one in pair]),
            np.concatenate([negatives[others == one] for one in pair]),
        )
        for pair in ((0, 0), (0, 1), (1, 1))
    ]
    assert all(np.isclose(possible, one).any() for one in replicates)


def test_auroc_knows_the_perfect_the_worst_and_the_blind() -> None:
    high, low, zeros = np.array([2.0, 3.0]), np.array([0.0, 1.0]), np.zeros(2, dtype=np.int64)
    assert auroc(high, low, zeros, zeros).value == 1.0
    assert auroc(low, high, zeros, zeros).value == 0.0
    assert auroc(low * 0, high * 0, zeros, zeros).value == 0.5
    assert auroc(high, low, zeros, zeros).interval is None


def test_auroc_needs_both_kinds_and_numbers() -> None:
    some, none = np.array([1.0]), np.array([])
    with pytest.raises(InputError, match="both kinds"):
        auroc(some, none, np.array([0]), np.array([], dtype=np.int64))
    with pytest.raises(InputError, match="finite"):
        auroc(some * np.nan, some, np.array([0]), np.array([0]))
