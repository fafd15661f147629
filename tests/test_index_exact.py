import numpy as np
import pytest

from cir.errors import DatabaseError, InputError
from cir.index.exact import best_rows, cosine_similarities
from cir.index.vectors import check_embeddings, check_query
from tests.fakes import exact_search, unit_vectors


def test_exact_search_finds_what_plain_sorting_finds() -> None:
    generator = np.random.default_rng(1)
    embeddings, query = unit_vectors(generator, 300, 24), unit_vectors(generator, 1, 24)[0]
    ids = [f"i-{row:03d}" for row in range(300)]
    found = exact_search(ids, embeddings, query, 7)
    plain = embeddings.astype(np.float64) @ query.astype(np.float64)
    assert [name for name, _ in found] == [ids[row] for row in np.argsort(-plain)[:7]]
    np.testing.assert_allclose([value for _, value in found], np.sort(plain)[::-1][:7], atol=1e-12)


def test_ties_go_by_id_wherever_the_rows_stand() -> None:
    generator = np.random.default_rng(2)
    twin, query = unit_vectors(generator, 1, 33)[0], unit_vectors(generator, 1, 33)[0]
    embeddings = np.stack([*unit_vectors(generator, 5, 33), twin, twin, twin])
    ids = ["r5", "r4", "r3", "r2", "r1", "c", "a", "b"]
    similarities = cosine_similarities(embeddings, query)
    assert similarities[5] == similarities[6] == similarities[7]
    for top_k in (1, 2, 3, 8):
        best = [ids[row] for row in best_rows(similarities, top_k, ids.__getitem__)]
        assert best == sorted(ids, key=lambda one: (-similarities[ids.index(one)], one))[:top_k]


def test_what_is_no_number_comes_last() -> None:
    similarities = np.array([np.nan, 0.1, np.nan, 0.3])
    assert best_rows(similarities, 4, "dcba".__getitem__) == [3, 1, 2, 0]
    assert best_rows(similarities, 1, "dcba".__getitem__) == [3]


def test_similarity_of_a_row_does_not_depend_on_its_neighbours() -> None:
    generator = np.random.default_rng(3)
    embeddings, query = unit_vectors(generator, 9_000, 16), unit_vectors(generator, 1, 16)[0]
    everything = cosine_similarities(embeddings, query)
    some = np.arange(0, 9_000, 7)
    np.testing.assert_array_equal(cosine_similarities(embeddings[some], query), everything[some])
    np.testing.assert_array_equal(cosine_similarities(embeddings, query, some), everything[some])


@pytest.mark.parametrize(
    ("embeddings", "error", "words"),
    [
        (np.zeros((2, 4)), InputError, "zero vector"),
        (np.full((1, 4), np.nan), InputError, "NaN"),
        (np.array([[1, np.inf, 0, 0]]), InputError, "NaN or infinity"),
        (np.ones((2, 5)), DatabaseError, "5 dimensions, this database has 4"),
        (np.ones(4), InputError, "shape"),
        ([["a", "b", "c", "d"]], InputError, "numbers"),
    ],
)
def test_faulty_embeddings_are_refused(
    embeddings: object, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        check_embeddings(embeddings, 4)  # type: ignore[arg-type]


def test_embeddings_are_brought_to_unit_norm() -> None:
    checked = check_embeddings([[3.0, 4.0]], 2)
    np.testing.assert_allclose(checked, [[0.6, 0.8]], rtol=1e-6)
    assert checked.dtype == np.float32


def test_a_query_is_one_vector() -> None:
    with pytest.raises(InputError, match="one embedding of shape"):
        check_query(np.ones((1, 4)), 4)
