"""Batches drawn ahead are the batches that would be drawn."""

import threading

import pytest

from cir.training.prefetch import Prefetcher


@pytest.mark.parametrize("ahead", [0, 3])
def test_every_step_gets_its_own(ahead: int) -> None:
    with Prefetcher(lambda step: step**2, ahead=ahead) as prefetcher:
        assert [prefetcher.get(step) for step in range(5, 12)] == [s**2 for s in range(5, 12)]


def test_the_next_ones_are_drawn_meanwhile_in_another_thread() -> None:
    drawn = {step: threading.Event() for step in range(10)}
    threads = set()

    def draw(step: int) -> int:
        threads.add(threading.get_ident())
        drawn[step].set()
        return step

    with Prefetcher(draw, ahead=2) as prefetcher:
        assert prefetcher.get(0) == 0
        assert drawn[2].wait(timeout=5)
        assert not drawn[3].is_set()
    assert threading.get_ident() not in threads


@pytest.mark.parametrize("ahead", [0, 1])
def test_errors_arrive_where_the_batch_is_asked_for(ahead: int) -> None:
    def draw(step: int) -> int:
        if step == 1:
            raise ValueError("no such batch")
        return step

    with Prefetcher(draw, ahead=ahead) as prefetcher:
        assert prefetcher.get(0) == 0
        with pytest.raises(ValueError, match="no such batch"):
            prefetcher.get(1)
