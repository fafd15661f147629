"""An answer as text that fits into a link: the embeddings of the mix, not its sound.

The text is zlib-compressed JSON in URL-safe base64. It stands behind the `#` of the address, which
browsers keep to themselves: no server log has it. Embeddings are rounded to 16 bits a number, which
changes a cosine by less than 0.0001.
"""

import base64
import binascii
import json
import zlib
from dataclasses import asdict, dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from cir.errors import InputError
from cir.index.filters import Filters
from cir.schema import parse_json
from cir.types import FloatArray

FORMAT_VERSION = 1
MAX_TEXT = 100_000
"""Characters of a link that is opened."""
_MAX_JSON = 400_000
_MAX_NAME = 200
_STEPS = 32_767


@dataclass(frozen=True)
class SharedAnswer:
    """What a link holds."""

    identity: str
    """Of the model."""
    name: str
    """Name of the mix."""
    queries: dict[str, FloatArray]
    """By family, (D,), unit norm."""
    top_k: int
    filters: Filters


@dataclass(frozen=True)
class _Packed:
    version: int
    identity: Annotated[str, Field(max_length=200)]
    name: Annotated[str, Field(max_length=_MAX_NAME)]
    queries: dict[str, str]
    """Base64 of little-endian int16."""
    top_k: Annotated[int, Field(ge=1, le=100)]
    filters: Filters


def write_link(answer: SharedAnswer) -> str:
    """Return the text of an answer."""
    packed = _Packed(
        FORMAT_VERSION,
        answer.identity,
        answer.name[:_MAX_NAME],
        {family: _to_text(one) for family, one in answer.queries.items()},
        answer.top_k,
        answer.filters,
    )
    content = json.dumps(asdict(packed), separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(zlib.compress(content, 9)).decode().rstrip("=")


def read_link(text: str) -> SharedAnswer:
    """Read the text of an answer.

    Raises:
        InputError: It is none, is damaged, or a newer page made it.
    """
    try:
        if not text.isascii() or len(text) > MAX_TEXT:
            raise ValueError
        unpacker = zlib.decompressobj()
        content = unpacker.decompress(_from_base64(text), _MAX_JSON)
        if unpacker.unconsumed_tail or not unpacker.eof:
            raise ValueError
    except (ValueError, zlib.error):
        raise InputError("This link is incomplete or damaged; copy the whole link again.") from None
    packed = parse_json(content, _Packed, "The link")
    if packed.version != FORMAT_VERSION:
        raise InputError(
            f"This link has format {packed.version}, this page reads {FORMAT_VERSION}; open it "
            "with the page that made it."
        )
    queries = {family: _to_vector(one) for family, one in packed.queries.items()}
    return SharedAnswer(packed.identity, packed.name, queries, packed.top_k, packed.filters)


def _to_text(vector: FloatArray) -> str:
    return base64.b64encode(np.round(vector * _STEPS).astype("<i2").tobytes()).decode()


def _to_vector(text: str) -> FloatArray:
    try:
        steps = np.frombuffer(base64.b64decode(text, validate=True), dtype="<i2")
    except (binascii.Error, ValueError):
        raise InputError("This link is damaged; copy the whole link again.") from None
    vector = steps.astype(np.float32)
    length = float(np.linalg.norm(vector))
    if length == 0.0:
        raise InputError("This link holds no sound; copy the whole link again.")
    return np.asarray(vector / length, dtype=np.float32)


def _from_base64(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
