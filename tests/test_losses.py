"""Losses against literal oracles: one Python loop per sum of the formula."""

import math

import pytest
import torch
from torch import Tensor

from cir.losses.full_triplet import full_triplet
from cir.losses.mix_infonce import mix_infonce, query_infonce
from cir.losses.pair_infonce import pair_infonce
from cir.losses.proxies import proxy_cross_entropy

BATCH, STEMS, SIZE = 4, 3, 8


def _draw(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _cosine(a: Tensor, b: Tensor) -> float:
    return float(a @ b / (a.norm() * b.norm()))


def _cross_entropy(scores: list[float], target: int) -> float:
    return math.log(sum(math.exp(score) for score in scores)) - scores[target]


def _symmetric(queries: list[Tensor], keys: list[Tensor], temperature: float) -> float:
    rows, columns = [], []
    for i in range(len(queries)):
        rows.append(_cross_entropy([_cosine(queries[i], k) / temperature for k in keys], i))
        columns.append(_cross_entropy([_cosine(q, keys[i]) / temperature for q in queries], i))
    return (sum(rows) + sum(columns)) / (2 * len(queries))


def test_pair_infonce_is_its_formula() -> None:
    anchors, positives = _draw(BATCH, SIZE, seed=0), _draw(BATCH, SIZE, seed=1)
    expected = _symmetric(list(anchors), list(positives), 0.1)
    assert float(pair_infonce(anchors, positives)) == pytest.approx(expected, rel=1e-4)


def test_query_infonce_is_its_formula() -> None:
    queries, notes = _draw(BATCH, STEMS, SIZE, seed=0), _draw(BATCH, STEMS, SIZE, seed=1)
    flat_queries, flat_notes = list(queries.flatten(0, 1)), list(notes.flatten(0, 1))
    expected = _symmetric(flat_queries, flat_notes, 0.2)
    assert float(query_infonce(queries, notes, 0.2)) == pytest.approx(expected, rel=1e-4)


def test_mix_infonce_is_its_formula() -> None:
    mixtures, notes = _draw(BATCH, SIZE, seed=0), _draw(BATCH, STEMS, SIZE, seed=1)
    terms = [
        _cross_entropy([_cosine(notes[i, j], m) / 0.1 for m in mixtures], i)
        for i in range(BATCH)
        for j in range(STEMS)
    ]
    assert float(mix_infonce(mixtures, notes)) == pytest.approx(sum(terms) / len(terms), rel=1e-4)


def test_full_triplet_is_its_formula_over_792_triplets() -> None:
    mixtures, notes = _draw(6, SIZE, seed=0), _draw(6, STEMS, SIZE, seed=1)
    mix = -1  # in place of a stem's number
    sounds = {(i, mix): mixtures[i] for i in range(6)}
    sounds |= {(i, j): notes[i, j] for i in range(6) for j in range(STEMS)}
    terms = []
    for i in range(6):
        for j in range(STEMS):
            pair = ((i, mix), (i, j))
            for anchor, positive in (pair, pair[::-1]):
                for negative in sounds:
                    if negative not in pair:
                        near = float((sounds[anchor] - sounds[positive]).norm())
                        far = float((sounds[anchor] - sounds[negative]).norm())
                        terms.append(max(0.0, near - far + 1.0))
    assert len(terms) == 792
    assert float(full_triplet(mixtures, notes)) == pytest.approx(sum(terms) / 792, rel=1e-4)


def test_full_triplet_cannot_fall_below_its_floor() -> None:
    """Each mixture exactly on its notes, mixtures far apart: only same-mix notes are left."""
    mixtures = torch.eye(6) * 1000
    notes = mixtures.unsqueeze(1).expand(-1, STEMS, -1)
    assert float(full_triplet(mixtures, notes)) == pytest.approx(1 / 11)


def test_proxy_cross_entropy_is_its_formula() -> None:
    embeddings, proxies = _draw(BATCH, SIZE, seed=0), _draw(7, SIZE, seed=1)
    targets = torch.tensor([6, 0, 3, 3])
    terms = [
        _cross_entropy([_cosine(e, p) / 0.05 for p in proxies], int(t))
        for e, t in zip(embeddings, targets, strict=True)
    ]
    ours = float(proxy_cross_entropy(embeddings, proxies, targets))
    assert ours == pytest.approx(sum(terms) / BATCH, rel=1e-4)


def test_cosine_losses_do_not_see_the_scale_of_embeddings() -> None:
    queries, notes = _draw(BATCH, STEMS, SIZE, seed=0), _draw(BATCH, STEMS, SIZE, seed=1)
    for loss in (query_infonce, lambda m, n: mix_infonce(m[:, 0], n)):
        torch.testing.assert_close(loss(queries, notes), loss(7 * queries, 0.1 * notes))


def test_matching_embeddings_cost_less_than_shuffled_ones() -> None:
    notes = _draw(BATCH, STEMS, SIZE, seed=0)
    shuffled = notes.roll(1, 0)
    assert query_infonce(notes, notes) < query_infonce(shuffled, notes)
    assert mix_infonce(notes.mean(1), notes) < mix_infonce(shuffled.mean(1), notes)
    assert full_triplet(notes.mean(1), notes) < full_triplet(shuffled.mean(1), notes)
