"""Which sound files are read. What is in a file decides; its name only says where to look."""

READABLE = "wav, flac, mp3, ogg, opus, aiff, m4a, aac, webm or caf"
"""For messages: the usual ones."""

_ENDINGS = (
    "3gp aac ac3 aif aifc aiff amr ape au caf flac m4a m4b mka mp3 mp4 oga ogg opus snd tta w64 "
    "wav webm wma wv"
)

SOUND_SUFFIXES = frozenset(f".{ending}" for ending in _ENDINGS.split())
"""What sound files are called; whoever looks through a folder takes these."""
