import numpy as np
import pytest

from cir.errors import InputError
from cir.index.timbre_map import (
    compute_map,
    nearest_neighbors,
    place,
    principal_plane,
    trustworthiness,
)
from tests.fakes import clustered_vectors, unit_vectors


def test_neighbours_equal_those_of_full_sorting() -> None:
    vectors = unit_vectors(np.random.default_rng(0), 90, 12)
    indices, distances = nearest_neighbors(vectors, 6)
    full = 1.0 - vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    np.testing.assert_array_equal(indices, np.argsort(full, axis=1)[:, :6])
    np.testing.assert_allclose(distances, np.sort(full, axis=1)[:, :6], atol=1e-6)


def test_every_point_is_its_own_first_neighbour_even_among_twins() -> None:
    vectors = np.repeat(unit_vectors(np.random.default_rng(0), 1, 12), 5, axis=0)
    indices, distances = nearest_neighbors(vectors, 3)
    np.testing.assert_array_equal(indices[:, 0], np.arange(5))
    assert (distances >= 0).all()


def test_a_shuffled_map_is_not_trustworthy() -> None:
    generator = np.random.default_rng(1)
    vectors = clustered_vectors(generator, 120, 10, n_clusters=5)
    layout = principal_plane(vectors)
    shuffled = np.asarray(layout[generator.permutation(len(layout))])
    assert trustworthiness(vectors, shuffled, 7) < 0.7 < trustworthiness(vectors, layout, 7)


def test_few_points_are_laid_out_by_principal_components() -> None:
    vectors = unit_vectors(np.random.default_rng(2), 8, 5)
    layout = compute_map(vectors)
    np.testing.assert_array_equal(layout, principal_plane(vectors))
    # Distances along the first axis follow the direction of largest variance.
    centred = vectors - vectors.mean(axis=0)
    _, scales, axes = np.linalg.svd(centred)
    expected = centred @ axes[0]
    correlation = np.corrcoef(layout[:, 0], expected)[0, 1]
    assert abs(correlation) == pytest.approx(1.0, abs=1e-5)
    assert np.abs(layout).max() == pytest.approx(10.0, abs=1e-4)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_tiny_maps_are_finite(count: int) -> None:
    layout = compute_map(unit_vectors(np.random.default_rng(3), count, 4))
    assert layout.shape == (count, 2)
    assert np.isfinite(layout).all()


@pytest.mark.slow
def test_umap_keeps_neighbours_and_is_deterministic() -> None:
    vectors = clustered_vectors(np.random.default_rng(4), 150, 16, n_clusters=6)
    steps: list[float] = []
    first = compute_map(vectors, seed=3, progress=lambda done, _: steps.append(done))
    assert steps == sorted(steps)
    assert steps[-1] == 1.0
    np.testing.assert_array_equal(first, compute_map(vectors, seed=3))
    assert trustworthiness(vectors, first) > 0.9
    assert np.abs(first).max() == pytest.approx(10.0, abs=1e-4)


def test_a_query_lies_among_its_nearest_neighbours() -> None:
    generator = np.random.default_rng(5)
    vectors = clustered_vectors(generator, 100, 16, n_clusters=4)
    layout = principal_plane(vectors)
    query = unit_vectors(generator, 1, 16)[0]
    nearest = np.argsort(-(vectors @ query))[:10]
    x, y = place(query, vectors, layout)
    assert layout[nearest, 0].min() <= x <= layout[nearest, 0].max()
    assert layout[nearest, 1].min() <= y <= layout[nearest, 1].max()
    assert place(query, vectors, layout) == (x, y)


def test_with_one_neighbour_a_query_lies_on_it() -> None:
    generator = np.random.default_rng(6)
    vectors, layout = unit_vectors(generator, 30, 8), generator.uniform(-9, 9, (30, 2))
    assert place(vectors[4], vectors, layout.astype(np.float32), k=1) == pytest.approx(layout[4])


def test_places_move_smoothly_where_a_neighbour_enters() -> None:
    generator = np.random.default_rng(7)
    vectors = unit_vectors(generator, 60, 6)
    layout = generator.uniform(-9, 9, (60, 2)).astype(np.float32)
    start, end = unit_vectors(generator, 2, 6)
    path = np.array([(1 - t) * start + t * end for t in np.linspace(0, 1, 2_000)])
    path = (path / np.linalg.norm(path, axis=1, keepdims=True)).astype(np.float32)
    places = np.array([place(query, vectors, layout) for query in path])
    assert np.abs(np.diff(places, axis=0)).max() < 0.2


def test_places_on_small_and_uniform_maps() -> None:
    twins = np.repeat(unit_vectors(np.random.default_rng(8), 1, 6), 12, axis=0)
    layout = np.stack([np.arange(12), np.zeros(12)], axis=1).astype(np.float32)
    assert place(twins[0], twins, layout, k=4) == pytest.approx((1.5, 0.0))
    assert place(twins[0], twins[:1], layout[3:4]) == pytest.approx((3.0, 0.0))
    with pytest.raises(InputError, match="no instrument on the map"):
        place(twins[0], twins[:0], layout[:0])
