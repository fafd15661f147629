"""Whitening: what scatters within instruments counts less."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from cir.training.whitening import whitening

SIZE = 8


def drawn(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_even_scatter_changes_nothing_but_the_scale() -> None:
    matrix = whitening(torch.eye(SIZE), torch.eye(SIZE))
    torch.testing.assert_close(matrix, matrix[0, 0] * torch.eye(SIZE, dtype=torch.double))


def test_the_matrix_is_the_naive_one() -> None:
    answers, notes = drawn(0, 50, SIZE), drawn(1, 40, SIZE) * 3
    scatter = torch.zeros(SIZE, SIZE, dtype=torch.double)
    for differences, share in ((answers, 0.75), (notes, 0.25)):
        own = sum(torch.outer(one, one) for one in differences.double())
        assert isinstance(own, Tensor)
        scatter += share * own / own.trace() * SIZE
    matrix = whitening(answers, notes)
    torch.testing.assert_close(
        torch.linalg.inv(matrix @ matrix), scatter + 1.5 * torch.eye(SIZE, dtype=torch.double)
    )
    torch.testing.assert_close(matrix, matrix.T)


def test_instruments_of_one_note_leave_the_answers_alone_to_decide() -> None:
    answers = drawn(0, 50, SIZE)
    torch.testing.assert_close(
        whitening(answers, torch.zeros(0, SIZE)), whitening(answers, answers)
    )
    assert whitening(torch.zeros(3, SIZE), torch.zeros(3, SIZE)).isfinite().all()


@pytest.mark.parametrize("of_notes", [False, True])
def test_what_all_answers_miss_no_longer_decides(of_notes: bool) -> None:
    instruments = normalize(drawn(0, 200, SIZE), dim=-1)
    common = torch.zeros(SIZE)
    common[0] = 3.0
    missed = drawn(1, 200, 1) * common + 0.1 * drawn(2, 200, SIZE)
    queries = instruments + missed
    fine = 0.1 * drawn(3, 200, SIZE)
    matrix = (whitening(fine, missed) if of_notes else whitening(missed, fine)).float()

    def top_1(queries: Tensor, references: Tensor) -> float:
        cosines = normalize(queries, dim=-1) @ normalize(references, dim=-1).T
        return float((cosines.argmax(1) == torch.arange(len(queries))).float().mean())

    plain, whitened = top_1(queries, instruments), top_1(queries @ matrix, instruments @ matrix)
    assert whitened > plain + 0.05
