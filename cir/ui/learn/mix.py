"""Exhibit 2 of the Learn tab: how the embedding of a mix moves when instruments are muted."""

import threading
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np

from cir.audio.dsp import peak_normalise
from cir.errors import InputError
from cir.retrieval.windows import embed_windows
from cir.types import FloatArray, Progress, part
from cir.ui.cards import family_tag, placeholder, play_button
from cir.ui.learn.embedding_plane import MixPoint, Plane, plane_picture
from cir.ui.learn.similarity_scale import signed, track
from cir.ui.learn.sounds import MixedFiles, NoteEmbedder, Scene, Stem, note_audio
from cir.ui.palette import family_style
from cir.ui.service import PageService

Playing = tuple[int, ...]
"""Indices of the stems that play, in ascending order."""


class MixExhibit:
    """A scene: a mix as stems, each of which can be muted.

    Args:
        service: The model.
        embedder: Embeds the instruments' notes.
        files: Stores the mixes.
        scene: The stems.
    """

    def __init__(
        self, service: PageService, embedder: NoteEmbedder, files: MixedFiles, scene: Scene
    ) -> None:
        self.scene = scene
        self.everything: Playing = tuple(range(len(scene.stems)))
        self._service = service
        self._embedder = embedder
        self._files = files
        self._families = [stem.pair.family for stem in scene.stems]
        self._embeddings: dict[Playing, FloatArray] = {}
        self._plane: Plane | None = None
        self._lock = threading.Lock()

    def choices(self) -> list[tuple[str, int]]:
        """List the stems as (label, index)."""
        return [(stem.pair.instrument.name, number) for number, stem in enumerate(self.scene.stems)]

    def mix(self, playing: Playing) -> FloatArray:
        """Add up stems, mono at 16 kHz, (T,)."""
        stems = [note_audio(self.scene.stems[number].path) for number in playing]
        length = min(len(stem) for stem in stems)
        return peak_normalise(np.sum([stem[:length] for stem in stems], axis=0, dtype=np.float32))

    def embed(self, playing: Playing) -> FloatArray:
        """Embed a mix for the family of each stem of the scene, playing or not, (S, D).

        Raises:
            CirError: The model cannot be loaded.
        """
        with self._lock:
            if playing not in self._embeddings:
                found = embed_windows(self.mix(playing), self._service.encoder, self._families)
                self._embeddings[playing] = np.stack([found[name] for name in self._families])
            return self._embeddings[playing]

    def show(
        self, chosen: Sequence[int], before: Playing | None, progress: Progress | None = None
    ) -> str:
        """Render the mix of some stems, and how similar the model finds it to each instrument.

        Args:
            chosen: Indices of the stems that play.
            before: Those that played before; None at first.
            progress: Receives the progress.

        Raises:
            InputError: There is no such stem.
            CirError: The model cannot be loaded.
        """
        playing = self.check(chosen)
        if not playing:
            return placeholder("All instruments are muted: nothing is left to play. Tick one.")
        notes = self._embedder.embed([stem.pair.notes[0].path for stem in self.scene.stems])
        plane = self._find_plane(notes, progress)
        now = self.embed(playing)
        earlier = None if not before or before == playing else self.embed(before)
        near = np.sum(now * notes, axis=1)
        moved = None if earlier is None else near - np.sum(earlier * notes, axis=1)
        rows = "".join(
            _row(stem, float(near[n]), None if moved is None else float(moved[n]), n in playing)
            for n, stem in enumerate(self.scene.stems)
        )
        picture = self._picture(plane, notes, now, earlier, playing)
        file = self._files.get(f"scene {self.scene.title} {playing}", lambda: self.mix(playing))
        return (
            f'<div class="cir-learn-mix"><div>{_listen(file, playing, self.everything)}'
            f'<ul class="cir-list">{rows}</ul></div><div>{picture}</div></div>'
        )

    def check(self, chosen: Sequence[int]) -> Playing:
        """Sort the indices of stems.

        Raises:
            InputError: There is no such stem.
        """
        if unknown := set(chosen) - set(self.everything):
            raise InputError(f"This mix has no instrument number {min(unknown)}; reload the page.")
        return tuple(sorted(set(chosen)))

    def _find_plane(self, notes: FloatArray, progress: Progress | None) -> Plane:
        """Return the plane of the notes; its frame includes the whole mix and each stem alone."""
        if self._plane is None:
            settings = [self.everything, *((number,) for number in self.everything)]
            report = part(progress, 0.0, 1.0)
            embeddings = []
            for done, playing in enumerate(settings):
                report(done / len(settings), "Embedding each instrument")
                embeddings.append(self.embed(playing))
            self._plane = Plane(notes, np.concatenate(embeddings))
        return self._plane

    def _picture(
        self,
        plane: Plane,
        notes: FloatArray,
        now: FloatArray,
        earlier: FloatArray | None,
        playing: Playing,
    ) -> str:
        places, here = plane.places(notes), plane.places(now)
        before = None if earlier is None else plane.places(earlier)
        points = [
            MixPoint(
                stem.pair.family,
                stem.pair.instrument.name,
                places[n],
                None if before is None else before[n],
                here[n],
                n not in playing,
            )
            for n, stem in enumerate(self.scene.stems)
        ]
        about = (
            "A flat view of the embeddings: a ring for one note of each instrument, a dot for the "
            "mix and the family of that instrument; the numbers beside it are their similarities."
        )
        return plane_picture(points, about) + (
            '<p class="cir-hint">Ring: one note of the instrument. Dot: the mix, for the family of '
            "the instrument; its trail starts at the previous place. The picture is a projection "
            f"of {notes.shape[1]} dimensions: the numbers are exact, the picture is not.</p>"
        )


def _listen(file: Path, playing: Playing, everything: Playing) -> str:
    words = "The whole mix" if playing == everything else "What is left of the mix"
    return f'<p class="cir-listen">{play_button(file, f"Play: {words.lower()}")} {words}</p>'


def _row(stem: Stem, similarity: float, moved: float | None, is_playing: bool) -> str:
    """Render one instrument: its note, and the similarity of the mix to it."""
    one = stem.pair.instrument
    muted = "" if is_playing else " is-muted"
    state = "" if is_playing else ' <span class="cir-badge">muted</span>'
    change, before = "", None
    if moved is not None:
        arrow = "\u25b2" if moved > 0 else "\u25bc"
        still = abs(moved) < 0.005
        change = "unchanged" if still else f"{arrow} {signed(moved).removeprefix(chr(0x2212))}"
        before = similarity - moved
    return (
        f'<li class="cir-card{muted}" data-instrument="{escape(one.instrument_id)}" '
        f'style="--family:{family_style(one.family).colour}">'
        f"{play_button(stem.pair.notes[0].path, f'Play one note of {one.name}')}"
        f'<div><div class="cir-name">{escape(one.name)}{state}</div>'
        f'<div class="cir-meta">{family_tag(one.family)}</div>'
        f"{track(0.0, similarity, before, 'before')}</div>"
        f'<div class="cir-score"><b>{signed(similarity)}</b><span class="cir-label">{change}</span>'
        "</div></li>"
    )
