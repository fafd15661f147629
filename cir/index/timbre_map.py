"""The map of timbre: instruments in two dimensions, near where they sound alike.

The map is computed once, with the database (UMAP), and stored. Queries and later additions are
placed among their nearest neighbours: UMAP's own `transform` takes seconds and moves one query
about from call to call.
"""

import warnings

import numpy as np
from numpy.typing import NDArray

from cir.errors import InputError
from cir.types import FloatArray, Progress

N_NEIGHBORS = 15
_SMALLEST_UMAP = 3 * N_NEIGHBORS
_EXTENT = 10.0


def nearest_neighbors(
    embeddings: FloatArray, n_neighbors: int
) -> tuple[NDArray[np.int64], FloatArray]:
    """Find the exact nearest neighbours of every row by cosine distance, itself first.

    Args:
        embeddings: (N, D), unit norm.
        n_neighbors: K, at most N.

    Returns:
        Row numbers and cosine distances, both (N, K).
    """
    indices = np.empty((len(embeddings), n_neighbors), dtype=np.int64)
    distances = np.empty((len(embeddings), n_neighbors), dtype=np.float32)
    for row, embedding in enumerate(embeddings):
        to_all = np.clip(1.0 - embeddings @ embedding, 0.0, 2.0)
        to_all[row] = -1.0  # itself first, also among twins
        nearest = np.argsort(to_all, kind="stable")[:n_neighbors]
        indices[row], distances[row] = nearest, np.maximum(to_all[nearest], 0.0)
    return indices, distances


def compute_map(
    embeddings: FloatArray, *, seed: int = 0, progress: Progress | None = None
) -> FloatArray:
    """Lay out embeddings in the plane.

    UMAP (McInnes et al. 2018) on exact neighbours; principal components where there are too few
    points for it. The same embeddings and seed give the same map.

    Args:
        embeddings: (N, D), unit norm.
        seed: of UMAP.
        progress: called before each of the two steps.

    Returns:
        (N, 2), centred, within [-10, 10].
    """
    if len(embeddings) < _SMALLEST_UMAP:
        return principal_plane(embeddings)
    if progress is not None:
        progress(0.0, "Finding neighbours for the map")
    knn = nearest_neighbors(embeddings, N_NEIGHBORS)
    if progress is not None:
        progress(0.3, "Drawing the map")
    from umap import UMAP

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that new points cannot be transformed: see `place`
        layout = UMAP(
            n_neighbors=N_NEIGHBORS,
            min_dist=0.1,
            metric="cosine",
            init=principal_plane(embeddings),
            precomputed_knn=(*knn, None),
            random_state=seed,
            n_jobs=1,
        ).fit_transform(embeddings)
    if progress is not None:
        progress(1.0, "Drawing the map")
    return _fit_extent(np.asarray(layout, dtype=np.float32))


def principal_plane(embeddings: FloatArray) -> FloatArray:
    """Project embeddings, (N, D), on their first two principal components: (N, 2)."""
    if len(embeddings) == 0:
        return np.zeros((0, 2), dtype=np.float32)
    centred = embeddings.astype(np.float64) - embeddings.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)  # in rising order of variance
    plane = np.zeros((len(embeddings), 2), dtype=np.float64)
    n_axes = min(2, embeddings.shape[1])
    plane[:, :n_axes] = centred @ axes[:, ::-1][:, :n_axes]
    # The sign of a component is arbitrary: let its largest entry be positive.
    largest = np.abs(plane).argmax(axis=0)
    plane *= np.where(plane[largest, [0, 1]] < 0, -1.0, 1.0)
    return _fit_extent(plane.astype(np.float32))


def trustworthiness(
    embeddings: FloatArray, coordinates: FloatArray, n_neighbors: int = N_NEIGHBORS
) -> float:
    """Measure how far neighbours on the map are neighbours in truth (Venna and Kaski 2001).

    Args:
        embeddings: (N, D), unit norm, compared by cosine.
        coordinates: (N, 2), compared by Euclidean distance.
        n_neighbors: K, less than N / 2.

    Returns:
        From 0 to 1; 1 where no point intrudes on a neighbourhood.

    Raises:
        InputError: `n_neighbors` is out of range.
    """
    n_points = len(embeddings)
    if not 1 <= n_neighbors < n_points / 2:
        raise InputError(
            f"n_neighbors must be at least 1 and less than half of {n_points}, not {n_neighbors}."
        )
    penalty = 0
    for row in range(n_points):
        true_distances = 1.0 - embeddings @ embeddings[row]
        map_distances = np.sum(np.square(coordinates - coordinates[row]), axis=1)
        true_distances[row] = map_distances[row] = -np.inf
        true_rank = np.empty(n_points, dtype=np.int64)  # 0: itself, 1: nearest
        true_rank[np.argsort(true_distances, kind="stable")] = np.arange(n_points)
        on_map = np.argsort(map_distances, kind="stable")[1 : n_neighbors + 1]
        penalty += int(np.maximum(true_rank[on_map] - n_neighbors, 0).sum())
    worst = n_points * n_neighbors * (2 * n_points - 3 * n_neighbors - 1) / 2
    return 1.0 - penalty / worst


def place(
    query: FloatArray, embeddings: FloatArray, coordinates: FloatArray, k: int = 10
) -> tuple[float, float]:
    """Place a query on a map: the mean of its nearest neighbours, weighted by similarity.

    The weights are similarities above that of the first neighbour left out, so that a neighbour
    enters and leaves without a jump. The same query always gets the same place.

    Args:
        query: (D,), unit norm.
        embeddings: (N, D), unit norm, N at least 1.
        coordinates: (N, 2).
        k: how many neighbours.

    Returns:
        x and y.

    Raises:
        InputError: the map is empty.
    """
    if len(embeddings) == 0:
        raise InputError("There is no instrument on the map to place the sound beside.")
    similarities = embeddings @ query
    order = np.argsort(-similarities, kind="stable")[: k + 1]
    nearest = order[:k]
    outside = similarities[order[-1]] if len(order) > k else similarities[order[-1]] - 1.0
    weights = (similarities[nearest] - outside).astype(np.float64)
    if weights.sum() <= 0.0:  # all neighbours equally near
        weights = np.ones(len(nearest))
    x, y = weights @ coordinates[nearest].astype(np.float64) / weights.sum()
    return float(x), float(y)


def _fit_extent(layout: FloatArray) -> FloatArray:
    middle = (layout.max(axis=0) + layout.min(axis=0)) / 2
    centred = layout - middle
    furthest = float(np.abs(centred).max())
    scale = _EXTENT / furthest if furthest > 0.0 else 1.0
    return np.asarray(centred * scale, dtype=np.float32)
