"""What the notebooks share: players, plots, searches and the small loop."""

import base64
import io
import re
from collections.abc import Sequence

import matplotlib
import numpy as np
import pytest
import soundfile
import torch

from cir.datasets.base import DatasetInstrument, RecordedNote
from cir.errors import InputError
from cir.losses.pair_infonce import pair_infonce
from cir.model.ast_config import EncoderConfig
from cir.teaching import (
    PlayedInstrument,
    colour_of,
    is_fast,
    load_twins,
    player,
    players,
    read_instruments,
    search_notes,
    show_log_mel,
    show_losses,
    show_plane,
    show_similarity_matrix,
    size,
    train_on_pairs,
    use_style,
)
from cir.types import FloatArray, Progress
from cir.ui.palette import family_style

matplotlib.use("agg")
RATE = 16_000


def tone(hertz: float, seconds: float = 0.5, level: float = 0.5) -> FloatArray:
    times = np.arange(int(seconds * RATE)) / RATE
    return (level * np.sin(2 * np.pi * hertz * times)).astype(np.float32)


def played_from(page: str) -> FloatArray:
    found = re.search(r"base64,([^\"]+)", page)
    assert found
    sound, _ = soundfile.read(io.BytesIO(base64.b64decode(found[1])), dtype="float32")
    return np.asarray(sound)


def test_a_player_holds_its_sound_and_escapes_its_title() -> None:
    page = player(tone(440, level=0.5), RATE, "<b>A & B</b>").data
    assert "&lt;b&gt;A &amp; B&lt;/b&gt;" in page and "<b>" not in page
    assert np.abs(played_from(page)[2_000:-2_000]).max() == pytest.approx(0.5, abs=0.1)


def test_a_player_does_not_clip() -> None:
    sound = played_from(player(tone(300, level=3.0), RATE).data)
    assert np.abs(sound[2_000:-2_000]).max() == pytest.approx(0.99, abs=0.12)


def test_players_stand_in_the_order_given() -> None:
    page = players([("first", tone(300)), ("second", tone(400))]).data
    assert page.count("<audio") == 2 and page.index("first") < page.index("second")


def test_a_player_refuses_silence() -> None:
    with pytest.raises(InputError, match="silent"):
        player(np.zeros(1_000, np.float32))


@pytest.mark.parametrize(("value", "fast"), [("1", True), ("0", False), ("", False)])
def test_one_variable_makes_notebooks_small(
    value: str, fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIR_FAST", value)
    assert is_fast() is fast
    assert size(200, 3) == (3 if fast else 200)


def test_families_look_as_on_the_page() -> None:
    assert colour_of("bass") == family_style("bass").colour
    assert colour_of(None) == family_style(None).colour


def test_plots_show_what_they_are_given() -> None:
    import matplotlib.pyplot as plt

    use_style()
    figure, (one, two, three, four) = plt.subplots(1, 4)
    image = show_log_mel(one, tone(1_000), title="tone")
    loudest = int(np.asarray(image.get_array()).max(axis=1).argmax())
    ticks = dict(zip([t.get_text() for t in one.get_yticklabels()], one.get_yticks(), strict=True))
    assert abs(loudest - ticks["1k"]) <= 1
    show_similarity_matrix(two, np.eye(4), ["a", "b"], group_size=2)
    assert [t.get_text() for t in two.get_yticklabels()] == ["a", "b"]
    assert list(two.get_yticks()) == [0.5, 2.5]
    show_losses(three, {"x": [1.0, 3.0]})
    assert list(three.lines[0].get_ydata()) == [1.0, 2.0]
    show_plane(four, np.zeros((2, 2)), ["bass", None])
    legend = four.get_legend()
    assert {t.get_text() for t in legend.get_texts()} == {"bass", "other"}
    plt.close(figure)


class Tones:
    """Instruments are octaves: a query's embedding is its loudest frequency, folded."""

    identity = "tones"
    embedding_size = 12
    families = ()

    def embed(
        self, sounds: Sequence[FloatArray], sample_rate: int, *, progress: Progress | None = None
    ) -> FloatArray:
        rows = []
        for sound in sounds:
            hertz = float(np.abs(np.fft.rfft(sound, RATE)).argmax())
            rows.append(np.eye(12, dtype=np.float32)[round(12 * np.log2(hertz / 440)) % 12])
        return np.stack(rows)

    def embed_mixtures(self, *_: object, **__: object) -> FloatArray:
        raise NotImplementedError


def played(name: str, hertz: float) -> PlayedInstrument:
    notes = tuple(RecordedNote(69 + 12 * n, tone(hertz * 2**n), 0.0) for n in range(3))
    return PlayedInstrument(name, None, notes)


def test_search_notes_asks_for_every_note_but_the_reference() -> None:
    instruments = [played("a", 440.0), played("c", 523.25), played("d", 587.33)]
    found = search_notes(Tones(), instruments, instruments[1:])
    assert found.targets.tolist() == [1, 1, 2, 2]
    assert found.ranks.tolist() == [1, 1, 1, 1]
    assert found.best.tolist() == [1, 1, 2, 2]
    assert found.intervals.tolist() == [12, 24, 12, 24]
    assert found.scores().estimates["top_1"].value == 1.0


def test_search_notes_refuses_strangers() -> None:
    with pytest.raises(InputError, match="among the candidates"):
        search_notes(Tones(), [played("a", 440.0)], [played("b", 500.0)])


class Shelf:
    name = fingerprint = "shelf"

    def instruments(self, split: str) -> list[DatasetInstrument]:
        rows = [DatasetInstrument(f"{split}-{n}", None, split) for n in range(6)]
        return [*rows, DatasetInstrument(f"{split}-0", None, split, effects_on=False)]

    def notes(self, instrument: DatasetInstrument) -> list[RecordedNote]:
        drum = instrument.instrument_id.endswith("-1")
        return [RecordedNote(60 if drum else 60 + n, tone(440), 0.0) for n in range(4)]

    def reference(self, instrument: DatasetInstrument) -> RecordedNote | None:
        return self.notes(instrument)[0]


def test_read_instruments_leaves_out_drums_and_twins() -> None:
    found = read_instruments(Shelf(), ("train", "test"))
    ids = [one.instrument_id for one in found]
    assert len(ids) == len(set(ids)) == 10 and "train-1" not in ids
    assert len(read_instruments(Shelf(), limit=3)) == 3


def test_the_loop_learns_to_tell_two_instruments_apart() -> None:
    config = EncoderConfig(hidden_size=24, n_layers=1, n_heads=1, note_frames=32)

    def draw(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        generator = torch.Generator().manual_seed(step)
        views = []
        for _ in range(2):
            times = torch.arange(config.note_samples) / RATE
            pitch = torch.rand(2, 1, generator=generator) * 40
            sound = torch.sin(2 * np.pi * (torch.tensor([[300.0], [2000.0]]) + pitch) * times)
            views.append(sound)
        return views[0], views[1]

    losses: list[float] = []
    train_on_pairs(
        draw,
        pair_infonce,
        steps=12,
        config=config,
        watch=lambda step, loss, encoder: losses.append(loss),
    )
    assert len(losses) == 12
    assert losses[-1] < 0.5 * losses[0]


def test_the_loop_starts_equal_seeds_equally() -> None:
    config = EncoderConfig(hidden_size=24, n_layers=1, n_heads=1, note_frames=32)
    nothing = torch.zeros(0)
    encoders = [
        train_on_pairs(
            lambda _: (nothing, nothing), pair_infonce, steps=0, config=config, seed=seed
        )
        for seed in (1, 1, 2)
    ]
    assert encoders[0].identity == encoders[1].identity != encoders[2].identity


def test_twins_are_one_note_with_and_without_effects() -> None:
    for twin in load_twins():
        assert twin.instrument.source == "surge" and twin.instrument.author
        shorter = min(len(twin.effects_on), len(twin.effects_off))
        assert shorter > 0.5 * RATE
        assert not np.allclose(twin.effects_on[:shorter], twin.effects_off[:shorter], atol=0.05)
