from dataclasses import replace

import pytest

from cir.index.database import InstrumentDatabase
from cir.instruments.preset_path import how_to_load, preset_path
from tests.fakes import instrument


@pytest.mark.parametrize(
    ("instrument_id", "path"),
    [
        ("factory-basses-attacky", "Factory > Basses > Attacky"),
        ("damon-armani-leads-attacky", "Third Party > Damon Armani > Leads > Attacky"),
        ("timgm6mb-000-040-violin", "TimGM6mb.sf2 > Bank 0 > Program 40 > Violin"),
        (
            "timgm6mb-128-000-standard",
            "TimGM6mb.sf2 > Bank 128 > Program 0 > Key 38 > Standard kit, snare",
        ),
    ],
)
def test_bundled_instruments_have_the_path_of_their_synth(instrument_id: str, path: str) -> None:
    with InstrumentDatabase.open() as database:
        assert preset_path(database.get(instrument_id)) == path


def test_no_two_bundled_instruments_share_a_path() -> None:
    with InstrumentDatabase.open() as database:
        paths = [preset_path(one) for one in database.instruments()]
    assert len(set(paths)) == len(paths)


@pytest.mark.parametrize(
    ("source", "engine", "path"),
    [
        (
            "vital",
            "vital:/home/me/Vital/User/Presets/Wub.vital",
            "/home/me/Vital/User/Presets/Wub.vital",
        ),
        ("samples", "samples:/home/me/kicks/808", "/home/me/kicks/808"),
        ("soundfont", "soundfont:/home/me/GM.sf2#0/33", "GM.sf2 > Bank 0 > Program 33 > A Bass"),
        ("dx7", "dx7:/home/me/C#/C#.syx#2", "C#.syx > Voice 2 > A Bass"),
        ("dx7", "dx7:/home/me/rom1a.syx#11", "rom1a.syx > Voice 11 > A Bass"),
        ("amsynth", "amsynth:/x/Patriks.bank#1", "Patriks.bank > Preset 1 > A Bass"),
        ("zyn", "zyn:/usr/share/zyn/banks/Bass/0001-A Bass.xiz", "Bass > 0001-A Bass.xiz"),
        ("sfz", "sfz:/home/me/A Bass/a.sfz", "/home/me/A Bass/a.sfz"),
        ("plugin", "plugin:/usr/lib/vst/x.so#3", "x.so > Program 3 > A Bass"),
        ("plugin", "plugin:http://x.org/p?preset=/home/me/a.fxp", "/home/me/a.fxp"),
        ("plugin", "plugin:/usr/lib/vst/x.so", "x.so > A Bass"),
        ("nsynth", "bank:nsynth#a-bass", "One > Test > A Bass"),
        ("surge-xt", "bank:surge-xt#a-bass", "Third Party > One > Test > A Bass"),
    ],
)
def test_other_sources(source: str, engine: str, path: str) -> None:
    assert preset_path(replace(instrument("a-bass"), source=source, engine=engine)) == path


@pytest.mark.parametrize(
    ("source", "engine", "how"),
    [
        ("dx7", "dx7:rom1a.syx#1", "In Dexed: CART"),
        ("surge", "surge:a.fxp", "Load Patch from File"),
        ("surge-xt", "bank:surge-xt#a-bass", "patch browser"),
        ("nsynth", "bank:nsynth#a-bass", ""),
    ],
)
def test_it_says_how_to_load_an_instrument(source: str, engine: str, how: str) -> None:
    said = how_to_load(replace(instrument("a-bass"), source=source, engine=engine))
    assert how in said and bool(said) == bool(how)
