"""Sound formats that browsers play, recognised by content, since file names can be wrong."""

from pathlib import Path

PLAYABLE_KINDS = {
    ".wav": frozenset({".wav", ".wave"}),
    ".flac": frozenset({".flac"}),
    ".ogg": frozenset({".ogg", ".oga", ".opus"}),
    ".mp3": frozenset({".mp3"}),
    ".aac": frozenset({".aac"}),
    ".m4a": frozenset({".m4a", ".m4b", ".mp4"}),
    ".webm": frozenset({".webm"}),
}
"""For each kind, named by a suffix, all suffixes under which it is served with its MIME type."""

_HEAD_BYTES = 12


def playable_kind(path: Path) -> str | None:
    """Return the kind of a file by its first bytes; None if browsers do not play it."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return ".wav"
    if head[4:8] == b"ftyp":
        return ".m4a"
    for start, kind in ((b"fLaC", ".flac"), (b"OggS", ".ogg"), (b"\x1a\x45\xdf\xa3", ".webm")):
        if head.startswith(start):
            return kind
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:  # ADTS: layer 0
        return ".aac"
    is_frame = len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0
    return ".mp3" if is_frame or head.startswith(b"ID3") else None
