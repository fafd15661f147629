"""The memory queue against a plain deque."""

from collections import deque
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from cir.losses.pair_infonce import pair_infonce
from cir.training.memory_queue import MemoryQueue

SIZE, DIM = 7, 4


def _batch(n: int, seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    instruments = torch.randint(0, 5, (n,), generator=generator)
    return torch.randn(n, DIM, generator=generator), instruments


def _content(queue: MemoryQueue) -> set[tuple[int, tuple[float, ...]]]:
    held = zip(queue.instruments.tolist(), queue.keys.tolist(), strict=True)
    return {(instrument, tuple(key)) for instrument, key in held if instrument >= 0}


@pytest.mark.parametrize("sizes", [[3], [3, 3, 3, 3], [SIZE, 2], [5, 20, 1], [1] * 15])
def test_it_holds_what_came_last(sizes: list[int]) -> None:
    queue = MemoryQueue(SIZE, DIM)
    oracle: deque[tuple[int, tuple[float, ...]]] = deque(maxlen=SIZE)
    for step, size in enumerate(sizes):
        embeddings, instruments = _batch(size, seed=step)
        queue.push(embeddings, instruments)
        rows = zip(instruments.tolist(), embeddings.tolist(), strict=True)
        oracle.extend((instrument, tuple(key)) for instrument, key in rows)
        assert _content(queue) == set(oracle)


def test_negatives_are_the_held_sounds_of_other_instruments() -> None:
    queue = MemoryQueue(SIZE, DIM)
    instruments = torch.tensor([0, 3, 1])
    assert not queue.negatives_for(instruments)[1].any()
    held = torch.tensor([3, 2, 0, 3])
    queue.push(_batch(4, seed=0)[0], held)
    keys, mask = queue.negatives_for(instruments)
    assert keys.shape == (SIZE, DIM)
    assert mask.shape == (3, SIZE)
    empty = [False] * (SIZE - 4)
    assert mask.tolist() == [
        [*(bool(other != instrument) for other in held), *empty] for instrument in instruments
    ]


def test_empty_places_change_no_loss() -> None:
    queue = MemoryQueue(SIZE, DIM)
    (anchors, instruments), (positives, _) = _batch(3, seed=0), _batch(3, seed=1)
    keys, mask = queue.negatives_for(instruments)
    with_queue = pair_infonce(anchors, positives, extra=keys, extra_mask=mask)
    torch.testing.assert_close(with_queue, pair_infonce(anchors, positives))
    queue.push(*_batch(5, seed=2))
    keys, mask = queue.negatives_for(instruments)
    assert mask.any()
    assert pair_infonce(anchors, positives, extra=keys, extra_mask=mask) > with_queue


def test_pushing_between_forward_and_backward_is_allowed() -> None:
    queue = MemoryQueue(SIZE, DIM)
    queue.push(*_batch(SIZE, seed=0))
    gradients: list[Tensor] = []
    for push in (False, True):
        anchors, instruments = _batch(3, seed=1)
        anchors.requires_grad_()
        keys, mask = queue.negatives_for(instruments)
        loss = pair_infonce(anchors, _batch(3, seed=2)[0], extra=keys, extra_mask=mask)
        if push:
            queue.push(anchors, instruments)
        gradients += torch.autograd.grad(loss, anchors)
    assert not queue.keys.requires_grad
    torch.testing.assert_close(gradients[0], gradients[1])


def test_a_saved_queue_goes_on_where_it_was(tmp_path: Path) -> None:
    queue, resumed = MemoryQueue(SIZE, DIM), MemoryQueue(SIZE, DIM)
    queue.push(*_batch(5, seed=0))
    save_file(queue.state_dict(), tmp_path / "queue.safetensors")
    resumed.load_state_dict(load_file(tmp_path / "queue.safetensors"))
    for each in (queue, resumed):
        each.push(*_batch(4, seed=1))
    for name, value in queue.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name
