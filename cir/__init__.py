"""Contrastive instrument retrieval: give a mix, get the instruments that sound like it.

The public names below are imported when they are first used, so that `import cir` stays fast and
brings in neither torch nor Chroma.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cir.version import __version__ as __version__

if TYPE_CHECKING:
    from cir.errors import (
        CheckpointError,
        CirError,
        DatabaseError,
        DataError,
        EngineError,
        InputError,
        StorageError,
    )
    from cir.index.database import DatabaseInfo, InstrumentDatabase
    from cir.instruments.families import FAMILIES
    from cir.model.encoder import TimbreEncoder
    from cir.model.loading import load_encoder
    from cir.retrieval.retriever import Retriever, search
    from cir.types import Encoder, FamilyResult, Instrument, Match, Note

__all__ = [
    "FAMILIES",
    "CheckpointError",
    "CirError",
    "DataError",
    "DatabaseError",
    "DatabaseInfo",
    "Encoder",
    "EngineError",
    "FamilyResult",
    "InputError",
    "Instrument",
    "InstrumentDatabase",
    "Match",
    "Note",
    "Retriever",
    "StorageError",
    "TimbreEncoder",
    "load_encoder",
    "search",
]

_MODULE_OF_NAME = {
    name: module
    for module, names in (
        (
            "cir.errors",
            "CheckpointError CirError DataError DatabaseError EngineError InputError StorageError",
        ),
        ("cir.index.database", "DatabaseInfo InstrumentDatabase"),
        ("cir.instruments.families", "FAMILIES"),
        ("cir.model.encoder", "TimbreEncoder"),
        ("cir.model.loading", "load_encoder"),
        ("cir.retrieval.retriever", "Retriever search"),
        ("cir.types", "Encoder FamilyResult Instrument Match Note"),
    )
    for name in names.split()
}


def __getattr__(name: str) -> Any:
    module = _MODULE_OF_NAME.get(name)
    if module is None:
        raise AttributeError(f"module 'cir' has no attribute {name!r}")
    try:
        value = getattr(import_module(module), name)
    except ModuleNotFoundError as missing:
        from cir.extras import how_to_install

        if advice := how_to_install(missing):
            raise ModuleNotFoundError(f"cir.{name}: {advice}", name=missing.name) from None
        raise
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
