"""The embeddings of one database in Chroma, for other programs: a collection per family.

Searches of this package do not use it: they compare all rows (`cir.index.exact`), which is faster
and exact.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from cir.types import FloatArray, Instrument, Progress

_UPSERT_ROWS = 5_000
_CONFIGURATION: dict[str, Any] = {
    # Stores are written once, in large chunks; each chunk is persisted at once, or the next client
    # would have to replay the log.
    "hnsw": {"space": "cosine", "ef_construction": 200, "max_neighbors": 32, "sync_threshold": 100}
}


def write_collections(
    folder: Path,
    instruments: Sequence[Instrument],
    embeddings: FloatArray,
    progress: Progress | None = None,
) -> None:
    """Write the collections into a new folder.

    Args:
        folder: Does not exist yet.
        instruments: N rows.
        embeddings: (N, D), unit norm, parallel to `instruments`.
        progress: Called after every chunk.
    """
    rows_by_family: dict[str | None, list[int]] = {}
    for row, instrument in enumerate(instruments):
        rows_by_family.setdefault(instrument.family, []).append(row)
    import chromadb
    from chromadb.config import Settings

    client = chromadb.PersistentClient(str(folder), Settings(anonymized_telemetry=False))
    done = 0
    try:
        for family, rows in rows_by_family.items():
            collection = client.create_collection(
                f"family-{family or 'none'}",
                embedding_function=None,
                configuration=cast(Any, _CONFIGURATION),
            )
            for start in range(0, len(rows), _UPSERT_ROWS):
                chunk = rows[start : start + _UPSERT_ROWS]
                collection.upsert(
                    ids=[instruments[row].instrument_id for row in chunk],
                    embeddings=embeddings[chunk],
                    metadatas=[
                        {
                            "bank": instruments[row].bank,
                            "source": instruments[row].source,
                            "family": family or "none",
                            "name": instruments[row].name,
                        }
                        for row in chunk
                    ],
                )
                done += len(chunk)
                if progress is not None:
                    progress(done / len(instruments), "Writing to Chroma")
    finally:
        cast(Any, client).close()  # which the interface of clients lacks
