"""Helpers of the notebooks: plots, players, sizes."""

from cir.teaching.contrast import train_on_pairs
from cir.teaching.note_search import NoteSearch, PlayedInstrument, read_instruments, search_notes
from cir.teaching.players import player, players
from cir.teaching.plots import (
    ACCENT,
    CONTRAST,
    QUIET,
    show_log_mel,
    show_losses,
    show_plane,
    show_similarity_matrix,
)
from cir.teaching.sizes import is_fast, size
from cir.teaching.style import colour_of, marker_of, use_style
from cir.teaching.twins import Twin, load_twins

__all__ = [
    "ACCENT",
    "CONTRAST",
    "QUIET",
    "NoteSearch",
    "PlayedInstrument",
    "Twin",
    "colour_of",
    "is_fast",
    "load_twins",
    "marker_of",
    "player",
    "players",
    "read_instruments",
    "search_notes",
    "show_log_mel",
    "show_losses",
    "show_plane",
    "show_similarity_matrix",
    "size",
    "train_on_pairs",
    "use_style",
]
