"""Formats of sound files: names for messages, suffixes, and what browsers play."""

from pathlib import Path

READABLE = "wav, flac, mp3, ogg, opus, aiff, m4a, aac, webm or caf"
"""The usual formats, for messages."""

_ENDINGS = (
    "3gp aac ac3 aif aifc aiff amr ape au caf flac m4a m4b mka mp3 mp4 oga ogg opus snd tta w64 "
    "wav webm wma wv"
)

SOUND_SUFFIXES = frozenset(f".{ending}" for ending in _ENDINGS.split())
"""Suffixes by which sound files in a folder are found; decoding looks at the content only."""

PLAYABLE_KINDS = {
    ".wav": frozenset({".wav", ".wave"}),
    ".flac": frozenset({".flac"}),
    ".ogg": frozenset({".ogg", ".oga", ".opus"}),
    ".mp3": frozenset({".mp3"}),
    ".aac": frozenset({".aac"}),
    ".m4a": frozenset({".m4a", ".m4b", ".mp4"}),
    ".webm": frozenset({".webm"}),
}
"""Formats that browsers play: their usual suffix, and all under which servers name them right."""


def playable_kind(path: Path) -> str | None:
    """Return the key of `PLAYABLE_KINDS` for a file's first bytes; None if it has none."""
    with path.open("rb") as file:
        head = file.read(12)
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
