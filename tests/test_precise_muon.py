"""Muon in float32 against torch's, which makes updates orthogonal in bfloat16."""

import pytest
import torch
from torch import nn
from torch.optim import Muon

from cir.training.precise_muon import PreciseMuon, orthogonalise

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
SHAPES = [(4, 9), (9, 4), (6, 6)]
"""Wide, tall and square."""


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", SHAPES)
def test_singular_vectors_stay_and_values_come_near_one(shape: tuple[int, int]) -> None:
    matrix = draw(*shape)
    left, values, right = torch.linalg.svd(matrix.double(), full_matrices=False)
    wanted = values / values.norm()
    for _ in range(5):
        wanted = sum(c * wanted**power for c, power in zip(COEFFICIENTS, (1, 3, 5), strict=True))
    found = orthogonalise(matrix, COEFFICIENTS, 5, 1e-7)
    torch.testing.assert_close(found.double(), left * wanted @ right, atol=1e-4, rtol=1e-4)
    assert float(wanted.min()) > 0.6 and float(wanted.max()) < 1.3


@pytest.mark.parametrize("shape", SHAPES)
def test_matrices_move_as_with_torchs(shape: tuple[int, int]) -> None:
    matrices = [nn.Parameter(draw(*shape)) for _ in range(2)]
    optimisers = [
        kind([one], lr=0.1, weight_decay=0.1, momentum=0.95)
        for kind, one in zip((PreciseMuon, Muon), matrices, strict=True)
    ]
    for step in range(4):
        if step == 2:  # each goes on from the other's state
            states = [one.state_dict() for one in optimisers]
            for optimiser, state in zip(optimisers, reversed(states), strict=True):
                optimiser.load_state_dict(state)
        before = matrices[0].detach().clone()
        for matrix, optimiser in zip(matrices, optimisers, strict=True):
            matrix.grad = draw(*shape, seed=step)
            optimiser.step()  # type: ignore[no-untyped-call]
        assert float((matrices[0] - before).detach().norm()) > 0.1
        torch.testing.assert_close(*matrices, atol=0.01, rtol=0.0)


def test_what_has_no_gradient_stays() -> None:
    matrix = nn.Parameter(draw(3, 3))
    PreciseMuon([matrix], lr=0.1).step()
    assert torch.equal(matrix, draw(3, 3))
