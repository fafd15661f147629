"""Databases as Parquet and safetensors, for pandas, Polars, DuckDB and others."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from cir.errors import DatabaseError
from cir.files import replacing_folder
from cir.index.changes import check_new_folder, whole_path
from cir.index.database import InstrumentDatabase
from cir.instruments.catalog import COLUMNS
from cir.types import Progress

INSTRUMENTS_NAME = "instruments.parquet"
EMBEDDINGS_NAME = "embeddings.safetensors"

_ROWS = 10_000


def write_parquet(
    database: InstrumentDatabase, folder: Path | str, progress: Progress | None = None
) -> None:
    """Write a database into a new folder.

    `instruments.parquet` has a row per instrument: the columns of the catalogue, its place on the
    map (`x`, `y`, where there is one) and its `embedding`, D floats. `embeddings.safetensors` has
    the same embeddings as one array, (N, D), in the same order. Both name the model.

    Raises:
        DatabaseError: pyarrow is not installed, or the folder is there and not empty.
        StorageError: The disk is full.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        advice = "pip install 'cir-instruments[scale]'"
        raise DatabaseError(f"Parquet needs pyarrow: {advice}.") from None
    target = Path(folder).expanduser()
    check_new_folder(target)
    target = whole_path(target)
    rows, places = database.instruments(), database.coordinates()
    embeddings = database.embeddings()[1]
    told = {"cir_identity": database.identity}
    types = [(name, pa.string()) for name in COLUMNS]
    types += [(axis, pa.float32()) for axis in "xy" if places is not None]
    types.append(("embedding", pa.list_(pa.float32(), database.dimension)))
    schema = pa.schema(types, metadata=told)
    with replacing_folder(target) as temporary:
        with parquet.ParquetWriter(temporary / INSTRUMENTS_NAME, schema) as writer:
            for start in range(0, len(rows), _ROWS):
                piece = range(start, min(start + _ROWS, len(rows)))
                table = pa.Table.from_pylist([asdict(rows[row]) for row in piece])
                columns = [table.column(name).cast(pa.string()) for name in COLUMNS]
                some = embeddings[piece.start : piece.stop]
                if places is not None:
                    columns += [pa.array(axis) for axis in places[piece.start : piece.stop].T]
                flat = pa.array(np.ascontiguousarray(some).ravel())
                columns.append(pa.FixedSizeListArray.from_arrays(flat, database.dimension))
                writer.write_table(pa.Table.from_arrays(columns, schema=schema))
                if progress is not None:
                    progress(piece.stop / len(rows), "Writing Parquet")
        save_file(
            {"embeddings": np.ascontiguousarray(embeddings)},
            temporary / EMBEDDINGS_NAME,
            metadata=told,
        )
        (temporary / EMBEDDINGS_NAME).chmod(0o644)  # safetensors would let only its owner read it
