"""The map of timbre: instruments in two dimensions, close together if they sound alike.

UMAP computes the map once, with the database, and the map is stored. Queries and later additions
are placed among their nearest neighbours, because UMAP's own `transform` takes seconds and gives
the same query another place at each call.
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
        to_all[row] = -1.0  # itself first, even if others are equal
        nearest = np.argsort(to_all, kind="stable")[:n_neighbors]
        indices[row], distances[row] = nearest, np.maximum(to_all[nearest], 0.0)
    return indices, distances


def compute_map(
    embeddings: FloatArray, *, seed: int = 0, progress: Progress | None = None
) -> FloatArray:
    """Lay out embeddings in the plane.

    The layout is UMAP (McInnes et al. 2018) on exact neighbours, or the principal plane if there
    are too few points. Equal embeddings and seeds give equal maps.

    Args:
        embeddings: (N, D), unit norm.
        seed: Seed of UMAP.
        progress: Called before each of the two steps.

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
        warnings.simplefilter("ignore")  # that it cannot transform new points: `place` does that
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
    plane = np.zeros((len(embeddings), 2), dtype=np.float32)
    if len(embeddings) < 2:
        return plane
    centred = embeddings.astype(np.float64) - embeddings.mean(axis=0, dtype=np.float64)
    axes = np.linalg.svd(centred, full_matrices=False)[2][:2]
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1)
    plane[:, : len(axes)] = centred @ (axes * np.sign(largest)).T  # signs are arbitrary
    return _fit_extent(plane)


def trustworthiness(
    embeddings: FloatArray, coordinates: FloatArray, n_neighbors: int = N_NEIGHBORS
) -> float:
    """Measure how many neighbours on the map are neighbours by cosine (Venna and Kaski 2001).

    Args:
        embeddings: (N, D), unit norm.
        coordinates: (N, 2).
        n_neighbors: K, less than N / 2.

    Returns:
        From 0 to 1; 1 if no point intrudes on a neighbourhood.
    """
    from sklearn.manifold import trustworthiness as measure

    return float(measure(embeddings, coordinates, n_neighbors=n_neighbors, metric="cosine"))


def place(
    query: FloatArray, embeddings: FloatArray, coordinates: FloatArray, k: int = 10
) -> tuple[float, float]:
    """Place a query on a map: the mean of its nearest neighbours, weighted by similarity.

    The weights are similarities above that of the first neighbour left out, so that the place does
    not jump when a neighbour enters or leaves. Equal queries get equal places.

    Args:
        query: (D,), unit norm.
        embeddings: (N, D), unit norm, N at least 1.
        coordinates: (N, 2).
        k: Number of neighbours.

    Returns:
        x and y.

    Raises:
        InputError: The map is empty.
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
