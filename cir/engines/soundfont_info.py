"""The credits that a sound font carries in its header."""

import struct
from pathlib import Path

_MAX_INFO_BYTES = 1 << 20


def read_info(path: Path) -> dict[str, str]:
    """Read the texts of the INFO list: INAM (name), IENG (author), ICOP (copyright), ...

    Source: SoundFont 2.04 specification, section 5. Whatever is malformed ends the list; a file
    without one gives an empty dictionary.
    """
    with path.open("rb") as file:
        head = file.read(24)
        if len(head) < 24 or head[:4] != b"RIFF" or head[8:12] != b"sfbk" or head[20:] != b"INFO":
            return {}
        (size,) = struct.unpack("<I", head[16:20])
        body = file.read(min(size - 4, _MAX_INFO_BYTES)) if size > 4 else b""
    texts: dict[str, str] = {}
    position = 0
    while position + 8 <= len(body):
        name, length = struct.unpack_from("<4sI", body, position)
        raw = body[position + 8 : position + 8 + length].split(b"\0")[0]
        texts[name.decode("latin-1")] = _decode(raw).strip()
        position += 8 + length + length % 2
    return texts


def _decode(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
