from pathlib import Path

import numpy as np
import pytest
import soundfile

from cir.audio.formats import playable_kind
from cir.audio.io import load_audio, save_wav
from cir.errors import InputError
from cir.retrieval.timeline import TimelineCell
from cir.types import Match
from cir.ui.search.actions import chosen_region
from cir.ui.search.mix_input import empty_form, take_mix
from cir.ui.search.mix_panel import clock, mix_panel, timeline_strip
from cir.ui.search.mixes import N_PEAKS, LoadedMix, Region, cut, load_mix, sound_level
from tests.fakes import instrument, tone
from tests.page.html import ParsedPage


def test_a_mix_knows_its_length_and_its_shape(tmp_path: Path) -> None:
    loud, quiet = tone(220.0, 2.0, 44_100), 0.1 * tone(220.0, 2.0, 44_100)
    save_wav(tmp_path / "mix.wav", np.concatenate([quiet, loud]), 44_100)
    mix, _ = load_mix(tmp_path / "mix.wav", 3)
    assert mix.seconds == pytest.approx(4.0)
    assert (len(mix.peaks), max(mix.peaks)) == (N_PEAKS, 1.0)
    assert (mix.name, mix.example, mix.path) == ("mix.wav", 3, tmp_path / "mix.wav")
    assert int(np.argmax(mix.peaks)) == pytest.approx(N_PEAKS // 2, abs=3)


def test_what_browsers_cannot_play_gets_a_small_copy_that_they_can(tmp_path: Path) -> None:
    path = tmp_path / "mix.aiff"
    soundfile.write(path, np.stack([tone(220.0, 9.0, 96_000)] * 2, axis=1), 96_000, "PCM_24")
    mix, _ = load_mix(path)
    assert (mix.name, mix.path, mix.copy) == ("mix.aiff", path, tmp_path / "mix.aiff.opus")
    assert mix.heard.stat().st_size < path.stat().st_size / 40
    heard, told = load_audio(mix.heard)[0], load_audio(path)[0]
    assert np.corrcoef(heard, told)[0, 1] > 0.99
    assert f"file={mix.heard}" in mix_panel(mix)


@pytest.mark.parametrize(
    ("kind", "name", "kept"),
    [
        *[(name[4:].upper(), name, name) for name in ("mix.wav", "mix.WAV", "mix.flac", "mix.mp3")],
        ("OGG", "mix.oga", "mix.oga"),
        ("WAV", "mix.mp3", "mix.mp3.wav"),
        ("FLAC", "mix", "mix.flac"),
        ("AIFF", "mix.wav", "mix.wav"),
    ],
)
def test_a_mix_is_kept_under_a_name_for_browsers(
    tmp_path: Path, kind: str, name: str, kept: str
) -> None:
    with (tmp_path / name).open("wb") as file:
        soundfile.write(file, tone(220.0, 1.0, 44_100), 44_100, format=kind)
    folder = tmp_path / "visit" / "mix"
    mix, _ = load_mix(tmp_path / name, folder=folder)
    (tmp_path / name).unlink()  # as uploads are, after a while
    assert (mix.name, mix.path) == (name, folder / kept)
    assert mix.heard == (folder / "mix.wav.opus" if kind == "AIFF" else mix.path)
    assert load_audio(mix.path)[0].size == load_audio(mix.heard)[0].size


HEADS = {
    ".m4a": [b"\x00\x00\x00\x20ftypM4A "],
    ".webm": [b"\x1a\x45\xdf\xa3\x01\x00"],
    ".aac": [b"\xff\xf1\x50\x80"],
    ".mp3": [b"\xff\xfb\x90\x64", b"ID3\x04"],
    None: [b"RIFF\x00\x00\x00\x00AVI ", b"caff\x00\x01", b"\xff", b""],
}


def test_a_kind_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    for kind, heads in HEADS.items():
        for head in heads:
            (tmp_path / "mix.wav").write_bytes(head)
            assert playable_kind(tmp_path / "mix.wav") == kind


def test_a_passage_is_what_a_cut_file_would_be() -> None:
    ramp = np.linspace(0.0, 1.0, 12 * 16_000, dtype=np.float32)
    np.testing.assert_array_equal(cut(ramp, Region(2.5, 10.0)), ramp[40_000:160_000])
    np.testing.assert_array_equal(cut(ramp, Region(0.0, 12.04)), ramp)
    assert cut(ramp, None) is ramp
    blip = tone(440.0, 0.2)  # shorter than the shortest passage
    np.testing.assert_array_equal(cut(blip, Region(0.0, 0.2)), blip)
    short = [(3.0, 3.2), (8.0, 3.0)]
    outside = [(-1.0, 3.0), (5.0, 13.0), (12.0, 14.0), (np.nan, 3.0), (3.0, np.nan), (3.0, np.inf)]
    for words, passages in (("too short", short), ("does not lie within", outside)):
        for passage in passages:
            with pytest.raises(InputError, match=words):
                cut(ramp, Region(*passage))
    mix = LoadedMix(Path("/m.wav"), "m.wav", 12.34, (1.0,))  # its whole is no passage of it
    assert chosen_region(mix, 0, 12.3) is None
    assert chosen_region(mix, None, None) is None
    assert chosen_region(mix, 1, 12.3) == Region(1.0, 12.3)
    assert chosen_region(mix, 2.5, 12.4) == Region(2.5, 12.34)
    assert chosen_region(mix, 0, 99) == Region(0.0, 99.0)


def test_a_bad_file_has_no_level(tmp_path: Path) -> None:
    (tmp_path / "bad.opus").write_bytes(b"nothing")
    assert sound_level(tmp_path / "bad.opus") is sound_level(tmp_path / "gone.opus") is None


def test_a_file_that_is_no_sound_is_refused_on_arrival(tmp_path: Path) -> None:
    (tmp_path / "<b>.wav").write_bytes(bytes(range(256)) * 40)
    mix, upload, _, panel, *_ = take_mix(str(tmp_path / "<b>.wav"))
    assert mix is None
    assert upload["visible"] is True
    assert "&lt;b&gt;.wav cannot be read as sound" in panel
    assert len(take_mix(None)) == len(empty_form()) == 13


def test_the_panel_has_sliders_with_limits_and_a_timeline() -> None:
    html = mix_panel(LoadedMix(Path("/<i>.wav"), "<i>.wav", 75.0, (0.5, 1.0), 1))
    page = ParsedPage(html)
    assert "<i>.wav" in page.text
    assert (page.values("data-peaks"), page.values("data-example")) == (["[0.5,1.0]"], ["2"])
    assert page.values("aria-valuemax") == ["75.0", "75.0"]
    assert page.values("aria-valuenow") == ["0.0", "75.0"]
    # Cells of the timeline lie where their windows are.
    mix = LoadedMix(Path("/m.wav"), "m.wav", 100.0, (1.0,))
    best = ((0.0, 0.2, "b"), (10.0, 0.7, "a"))
    cells = [TimelineCell(at, at + 10.0, near, instrument(one), 0.9) for at, near, one in best]
    match = Match(1, 0.8, instrument("a", name="<A>"))
    page = ParsedPage(timeline_strip({"bass": cells}, {"bass": match}, mix, 30.0))
    found = [dict(attributes) for tag, attributes in page.tags if tag == "button"]
    assert [one["data-start"] for one in found] == ["30", "40"]
    assert [str(one["style"]).split(";")[0] for one in found] == ["left:30.000%", "left:40.000%"]
    assert [str(one["style"]).split("--heat:")[1] for one in found] == ["0.000", "1.000"]
    assert ["is-best" in str(one["class"]) for one in found] == [False, True]
    assert [one["tabindex"] for one in found] == ["0", "-1"]
    assert str(found[0]["aria-label"]).startswith("0:30 to 0:40: similarity 0.20 to <A>; ")
    assert timeline_strip({}, {}, mix, 0.0) == ""
    assert [clock(seconds) for seconds in (0.0, 59.9, 600.0)] == ["0:00", "0:59", "10:00"]
