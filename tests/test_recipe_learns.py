"""The recipe of `configs/cir-tiny.yaml` learns: a few seconds of it find more than MFCCs do.

All of it, 20 000 notes and 5 000 mixtures, takes 160 s of one EPYC core, a minute for each stage
and the rest for reading; then 61.7 % of the other notes of valid instruments are found
first among the references of train and valid.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from cir.baselines.mfcc import MfccEncoder
from cir.config import load_config
from cir.datasets.base import DatasetInstrument, RecordedNote
from cir.datasets.rendered import Playable, RenderedDataset
from cir.engines.soundfont import SoundFontBank, SoundFontEngine, find_default_bank
from cir.instruments.splits import SPLITS
from cir.model.conv_ast import ConvAst
from cir.model.encoder import TimbreEncoder
from cir.teaching import read_instruments, search_notes
from cir.training import recipe
from cir.training.recipe import RecipeConfig, train_recipe
from cir.training.stage_loop import LOG
from cir.types import SAMPLE_RATE
from tests.engine_cases import HAS_TINYSOUNDFONT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not HAS_TINYSOUNDFONT, reason="needs tinysoundfont"),
]

CONFIG = Path(__file__).parent.parent / "configs" / "cir-tiny.yaml"
N_NOTES = 3_000
PROGRAMS = range(0, 128, 2)
HELD_OUT = range(6, 128, 8)


class Presets:
    """Half of the bundled sound font's programs, a quarter of them held out; rendered once."""

    def __init__(self) -> None:
        bank = SoundFontBank(find_default_bank())
        self._rendered = RenderedDataset(
            "presets",
            [find_default_bank()],
            lambda: [
                Playable(
                    row,
                    "valid" if preset.program in HELD_OUT else "train",
                    partial(SoundFontEngine, bank, preset.bank, preset.program),
                )
                for preset, row in zip(bank.presets, bank.instruments(), strict=True)
                if not preset.is_drum_kit and preset.bank == 0 and preset.program in PROGRAMS
            ],
        )
        self.name, self.fingerprint = "presets", "presets"
        self._notes = {
            row.instrument_id: self._rendered.notes(row)
            for split in SPLITS
            for row in self.instruments(split)
        }

    def instruments(self, split: str) -> Sequence[DatasetInstrument]:
        return self._rendered.instruments(split)

    def notes(self, instrument: DatasetInstrument) -> list[RecordedNote]:
        return self._notes[instrument.instrument_id]

    def reference(self, instrument: DatasetInstrument) -> RecordedNote | None:
        return next(iter(self.notes(instrument)), None)


@pytest.fixture(autouse=True)
def _threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_a_few_seconds_of_the_tiny_recipe_beat_mfccs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    presets = Presets()
    monkeypatch.setattr(recipe, "open_dataset", lambda spec, seed: presets)
    config = load_config(CONFIG, RecipeConfig)
    few = replace(
        config,
        threads=1,
        notes=replace(config.notes, examples=N_NOTES, n_instruments=16),
        mixtures=replace(
            config.mixtures,
            examples=24,
            n_validation_mixtures=2,
            n_counted_batches=1,
            n_fitted_mixtures=12,
        ),
    )
    model = train_recipe(few, tmp_path, cache=tmp_path / "cache", device=torch.device("cpu"))
    network = TimbreEncoder.from_pretrained(model).network
    assert isinstance(network, ConvAst)
    assert network.note_head.is_multiplied  # fitted to sound
    with (tmp_path / "mixtures" / LOG).open(encoding="utf-8") as file:
        assert [name for *_, name, _ in csv.reader(file)].count("top_1") == 2
    instruments = read_instruments(presets)
    held_out = read_instruments(presets, ["valid"])
    mfcc = MfccEncoder.fit([one.reference.audio for one in instruments], SAMPLE_RATE)
    ours, theirs = (
        search_notes(encoder, instruments, held_out).scores().estimates["top_1"].value
        for encoder in (TimbreEncoder.from_pretrained(model), mfcc)
    )
    assert ours > 1.3 * theirs
