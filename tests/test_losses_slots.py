"""Matching open slots with the instruments of a mixture, against trying every assignment."""

from itertools import permutations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from cir.errors import InputError
from cir.losses.query_infonce import query_infonce
from cir.losses.slot_infonce import slot_infonce
from cir.losses.slot_matching import slot_matching

N_SLOTS, SIZE = 4, 3
#: Mixtures of three, one, none and four instruments, their notes in no order.
OWNERS = torch.tensor([0, 3, 3, 1, 0, 3, 0, 3])


def _draw(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _best_assignment(slots: Tensor, notes: Tensor) -> tuple[int, ...]:
    """The slot of each of one mixture's notes."""
    cosines = cosine_similarity(notes.unsqueeze(1), slots, dim=-1)

    def total(chosen: tuple[int, ...]) -> float:
        return sum(float(cosines[note, slot]) for note, slot in enumerate(chosen))

    return max(permutations(range(len(slots)), len(notes)), key=total)


@pytest.mark.parametrize("seed", range(5))
def test_matching_is_the_best_of_all_assignments(seed: int) -> None:
    slots = _draw(4, N_SLOTS, SIZE, seed=seed)
    notes = _draw(len(OWNERS), SIZE, seed=seed + 100)
    matching = slot_matching(slots, notes, OWNERS)
    assert matching.dtype == torch.long
    for mixture in range(4):
        inside = mixture == OWNERS
        expected = _best_assignment(slots[mixture], notes[inside])
        assert tuple(matching[inside].tolist()) == expected


def test_matching_gives_up_the_best_pair_for_the_best_sum() -> None:
    """The first mixture of the docstring."""
    cosines = torch.tensor([[0.6, 0.7, 0.1], [0.1, 0.6, 0.0]])
    rest = (1 - cosines.square().sum(1, keepdim=True)).sqrt()
    notes = torch.cat([cosines, rest], dim=1)  # of length 1
    slots = torch.eye(4)[:3].unsqueeze(0)
    assert slot_matching(slots, notes, torch.zeros(2, dtype=torch.long)).tolist() == [0, 1]


def test_no_gradient_flows_through_the_matching() -> None:
    slots = _draw(4, N_SLOTS, SIZE, seed=0).requires_grad_()
    assert not slot_matching(slots, _draw(len(OWNERS), SIZE, seed=1), OWNERS).requires_grad


def test_more_instruments_than_slots_are_refused() -> None:
    with pytest.raises(InputError, match="4 instruments, but the model only 3 slots"):
        slot_matching(_draw(4, 3, SIZE, seed=0), _draw(len(OWNERS), SIZE, seed=1), OWNERS)


def test_slot_infonce_contrasts_the_matched_slots_only() -> None:
    slots, notes = _draw(4, N_SLOTS, SIZE, seed=0), _draw(len(OWNERS), SIZE, seed=1)
    slots.requires_grad_()
    matching = slot_matching(slots, notes, OWNERS)
    loss = slot_infonce(slots, notes, OWNERS, matching, 0.2)
    places = list(zip(OWNERS.tolist(), matching.tolist(), strict=True))
    matched = torch.stack([slots[place] for place in places])
    torch.testing.assert_close(loss, query_infonce(matched, notes, 0.2))
    (gradient,) = torch.autograd.grad(loss, slots)
    touched = {tuple(place) for place in gradient.abs().sum(-1).nonzero().tolist()}
    assert touched == set(places)
