"""Losses against literal oracles: one Python loop per sum of the formula."""

import math
from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor

from cir.losses.cosine_to_targets import cosine_to_targets
from cir.losses.full_infonce import full_infonce
from cir.losses.full_triplet import full_triplet
from cir.losses.mix_infonce import mix_infonce
from cir.losses.mix_triplet import mix_triplet
from cir.losses.pair_infonce import pair_infonce
from cir.losses.pair_triplet import pair_triplet
from cir.losses.proxies import proxy_cross_entropy
from cir.losses.supervised_contrastive import supervised_contrastive

BATCH, STEMS, SIZE = 4, 3, 8
#: Mixtures of one to three instruments, their notes in no order.
OWNERS = torch.tensor([2, 0, 3, 0, 1, 3, 0, 2])


def _draw(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _cosine(a: Tensor, b: Tensor) -> float:
    return float(a @ b / (a.norm() * b.norm()))


def _distance(a: Tensor, b: Tensor) -> float:
    return float((a - b).norm())


def _mean(terms: Sequence[float]) -> float:
    return sum(terms) / len(terms)


def _cross_entropy(scores: Sequence[float], target: int) -> float:
    return math.log(sum(math.exp(score) for score in scores)) - scores[target]


def _symmetric(queries: Sequence[Tensor], keys: Sequence[Tensor], temperature: float) -> float:
    terms = []
    for i in range(len(queries)):
        for sound, others in ((queries[i], keys), (keys[i], queries)):
            scores = [_cosine(sound, other) / temperature for other in others]
            terms.append(_cross_entropy(scores, i))
    return _mean(terms)


def test_infonce_of_pairs_is_its_formula() -> None:
    left, right = _draw(BATCH, SIZE, seed=0), _draw(BATCH, SIZE, seed=1)
    wanted = [_symmetric([*left], [*right], temperature) for temperature in (0.1, 0.2)]
    found = [float(pair_infonce(left, right)), float(pair_infonce(left, right, 0.2))]
    assert found == pytest.approx(wanted, rel=1e-4)


def test_pair_triplet_is_its_formula_over_all_triplets() -> None:
    anchors, positives = _draw(BATCH, SIZE, seed=0), _draw(BATCH, SIZE, seed=1)
    terms = []
    for i in range(BATCH):
        others = [sounds[k] for sounds in (anchors, positives) for k in range(BATCH) if k != i]
        for anchor, positive in ((anchors[i], positives[i]), (positives[i], anchors[i])):
            near = _distance(anchor, positive)
            terms += [max(0.0, near - _distance(anchor, other) + 0.5) for other in others]
    assert len(terms) == 2 * BATCH * 2 * (BATCH - 1)
    assert float(pair_triplet(anchors, positives, 0.5)) == pytest.approx(_mean(terms), rel=1e-4)


def _mixture_triplets(
    mixtures: Tensor, notes: Tensor, owners: Tensor, *, swapped: bool, same_mix: bool
) -> list[float]:
    """Every term of the sums, with margin 1."""
    sounds = {("mix", i): mixture for i, mixture in enumerate(mixtures)}
    sounds |= {("note", j): note for j, note in enumerate(notes)}
    terms = []
    for j, owner in enumerate(owners.tolist()):
        pair = (("mix", owner), ("note", j))
        siblings = [("note", k) for k in range(len(notes)) if owners[k] == owner]
        for anchor, positive in (pair, pair[::-1]) if swapped else (pair,):
            for negative in sounds:
                if negative in pair or (negative in siblings and not same_mix):
                    continue
                near = _distance(sounds[anchor], sounds[positive])
                terms.append(max(0.0, near - _distance(sounds[anchor], sounds[negative]) + 1.0))
    return terms


@pytest.mark.parametrize("same_mix", [True, False])
@pytest.mark.parametrize(("loss", "swapped"), [(mix_triplet, False), (full_triplet, True)])
def test_mixture_triplets_are_their_formula(
    loss: Callable[..., Tensor], swapped: bool, same_mix: bool
) -> None:
    mixtures, notes = _draw(BATCH, SIZE, seed=0), _draw(len(OWNERS), SIZE, seed=1)
    terms = _mixture_triplets(mixtures, notes, OWNERS, swapped=swapped, same_mix=same_mix)
    ours = float(loss(mixtures, notes, OWNERS, same_mix_negatives=same_mix))
    assert ours == pytest.approx(_mean(terms), rel=1e-4)


def test_the_papers_batch_has_792_full_triplets() -> None:
    mixtures, notes = _draw(6, SIZE, seed=0), _draw(18, SIZE, seed=1)
    owners = torch.arange(6).repeat_interleave(STEMS)
    terms = _mixture_triplets(mixtures, notes, owners, swapped=True, same_mix=True)
    assert len(terms) == 792
    assert float(full_triplet(mixtures, notes, owners)) == pytest.approx(_mean(terms), rel=1e-4)


def test_same_mix_negatives_keep_triplets_above_a_floor() -> None:
    """Mixtures far apart, their notes around them and as far from each other as can be."""
    corners = torch.eye(6 + STEMS)
    mixtures = 1000 * corners[:6]
    notes = (mixtures.unsqueeze(1) + 10 * corners[6:]).flatten(0, 1)
    owners = torch.arange(6).repeat_interleave(STEMS)
    assert float(mix_triplet(mixtures, notes, owners)) == pytest.approx(1 / 11)
    assert float(full_triplet(mixtures, notes, owners)) == pytest.approx(1 / 22)
    for loss in (mix_triplet, full_triplet):
        assert float(loss(mixtures, notes, owners, same_mix_negatives=False)) == 0


def test_mix_infonce_is_its_formula() -> None:
    mixtures, notes = _draw(BATCH, SIZE, seed=0), _draw(len(OWNERS), SIZE, seed=1)
    terms = [
        _cross_entropy([_cosine(note, m) / 0.1 for m in mixtures], owner)
        for note, owner in zip(notes, OWNERS.tolist(), strict=True)
    ]
    assert float(mix_infonce(mixtures, notes, OWNERS)) == pytest.approx(_mean(terms), rel=1e-4)


def _row(sound: int, sounds: Sequence[Tensor], positives: Sequence[int], scale: float) -> float:
    """Cross-entropy of one sound with its positives, each as probable, among all but itself."""
    others = [k for k in range(len(sounds)) if k != sound]
    scores = [_cosine(sounds[sound], sounds[k]) / scale for k in others]
    return _mean([_cross_entropy(scores, others.index(k)) for k in positives])


def test_full_infonce_is_its_formula() -> None:
    mixtures, notes = _draw(BATCH, SIZE, seed=0), _draw(len(OWNERS), SIZE, seed=1)
    sounds, first = [*notes, *mixtures], len(OWNERS)
    terms = [_row(j, sounds, [first + i], 0.1) for j, i in enumerate(OWNERS.tolist())]
    for i in range(BATCH):
        terms.append(_row(first + i, sounds, [j for j in range(first) if OWNERS[j] == i], 0.1))
    assert float(full_infonce(mixtures, notes, OWNERS)) == pytest.approx(_mean(terms), rel=1e-4)


def test_full_infonce_leaves_out_the_row_of_a_mixture_without_notes() -> None:
    mixtures, notes = _draw(2, SIZE, seed=0), _draw(2, SIZE, seed=1)
    sounds = [*notes, *mixtures]
    terms = [_row(0, sounds, [2], 0.1), _row(1, sounds, [2], 0.1), _row(2, sounds, [0, 1], 0.1)]
    owners = torch.tensor([0, 0])
    assert float(full_infonce(mixtures, notes, owners)) == pytest.approx(_mean(terms), rel=1e-4)


def test_supervised_contrastive_is_its_formula() -> None:
    labels = [5, 0, 5, 2, 0, 5, 9]  # 2 and 9 have no positive
    embeddings = _draw(len(labels), SIZE, seed=0)
    terms = []
    for i, label in enumerate(labels):
        positives = [k for k, other in enumerate(labels) if other == label and k != i]
        if positives:
            terms.append(_row(i, [*embeddings], positives, 0.2))
    assert len(terms) == 5
    ours = float(supervised_contrastive(embeddings, torch.tensor(labels), 0.2))
    assert ours == pytest.approx(_mean(terms), rel=1e-4)


def test_proxy_cross_entropy_is_its_formula() -> None:
    embeddings, proxies = _draw(BATCH, SIZE, seed=0), _draw(7, SIZE, seed=1)
    targets = torch.tensor([6, 0, 3, 3])
    terms = [
        _cross_entropy([_cosine(e, p) / 0.05 for p in proxies], int(t))
        for e, t in zip(embeddings, targets, strict=True)
    ]
    ours = float(proxy_cross_entropy(embeddings, proxies, targets))
    assert ours == pytest.approx(_mean(terms), rel=1e-4)


def test_cosine_to_targets_is_its_formula() -> None:
    embeddings, targets = _draw(BATCH, SIZE, seed=0), _draw(BATCH, SIZE, seed=1)
    terms = [1 - _cosine(e, t) for e, t in zip(embeddings, targets, strict=True)]
    assert float(cosine_to_targets(embeddings, targets)) == pytest.approx(_mean(terms), rel=1e-4)


def test_losses_without_anything_to_contrast_are_zero() -> None:
    """One pair, one mixture with one note, labels that all differ."""
    one, other = (_draw(1, SIZE, seed=seed).requires_grad_() for seed in (0, 1))
    alone = torch.zeros(1, dtype=torch.long)
    for loss in (
        pair_triplet(one, other),
        pair_infonce(one, other),
        mix_triplet(one, other, alone),
        mix_infonce(one, other, alone),
        supervised_contrastive(one, alone),
    ):
        assert loss == 0
        (gradient,) = torch.autograd.grad(loss, one)
        assert (gradient == 0).all()
