"""Batches drawn ahead are the batches that would be drawn."""

import threading
from contextlib import closing
from itertools import islice

import pytest

from cir.training.prefetch import prefetch


@pytest.mark.parametrize("ahead", [0, 3])
def test_every_step_gets_its_own(ahead: int) -> None:
    with closing(prefetch(lambda step: step**2, 5, ahead=ahead)) as squares:
        assert list(islice(squares, 7)) == [s**2 for s in range(5, 12)]


def test_the_next_ones_are_drawn_meanwhile_in_another_thread() -> None:
    drawn = {step: threading.Event() for step in range(10)}
    threads = set()

    def draw(step: int) -> int:
        threads.add(threading.get_ident())
        drawn[step].set()
        return step

    with closing(prefetch(draw, 0, ahead=2)) as steps:
        assert next(steps) == 0
        assert drawn[2].wait(timeout=5)
        assert not drawn[3].is_set()
    assert threading.get_ident() not in threads


@pytest.mark.parametrize("ahead", [0, 1])
def test_errors_arrive_where_the_batch_is_asked_for(ahead: int) -> None:
    def draw(step: int) -> int:
        if step == 1:
            raise ValueError("no such batch")
        return step

    with closing(prefetch(draw, 0, ahead=ahead)) as steps:
        assert next(steps) == 0
        with pytest.raises(ValueError, match="no such batch"):
            next(steps)
