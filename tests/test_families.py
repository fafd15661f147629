from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from cir.errors import InputError
from cir.instruments.families import (
    FAMILIES,
    REFERENCE_PITCHES,
    check_families,
    family_label,
    family_of_file,
    family_of_folder,
    family_of_gm_program,
    family_of_nsynth,
    family_of_preset,
    family_of_surge_category,
    gm_group,
    reference_pitch,
)


def by_family(cases: Mapping[str | None, Sequence[Any]]) -> list[tuple[Any, str | None]]:
    return [(case, family) for family, members in cases.items() for case in members]


def test_there_are_thirteen_families_in_their_fixed_order() -> None:
    assert len(FAMILIES) == len(set(FAMILIES)) == 13
    assert FAMILIES[:3] == ("percussion", "bass", "synth_lead")


def test_every_family_has_a_reference_pitch_and_the_rest_has_one_too() -> None:
    assert set(REFERENCE_PITCHES) == set(FAMILIES)
    assert reference_pitch("bass") == 34
    assert reference_pitch(None) == 61


@pytest.mark.parametrize(
    ("program", "family"),
    by_family(
        {
            "piano": (0,),
            "percussion": (8, 15, 47, 108),
            "organ": (16,),
            "guitar": (24, 107),
            "bass": (39,),
            "strings": (46, 48, 110),
            "voice": (54,),
            None: (55, 112, 127),
            "brass": (63,),
            "reed": (64, 109, 111),
            "pipe": (79,),
            "synth_lead": (80,),
            "synth_pad": (95,),
            "synth_effects": (103,),
        }
    ),
)
def test_gm_programs_map_to_families(program: int, family: str | None) -> None:
    assert family_of_gm_program(program) == family


def test_every_drum_kit_is_percussion() -> None:
    assert family_of_gm_program(48, is_drum=True) == "percussion"


@pytest.mark.parametrize("program", [-1, 128])
def test_programs_out_of_range_are_refused(program: int) -> None:
    with pytest.raises(InputError, match="0 to 127"):
        family_of_gm_program(program)
    with pytest.raises(InputError, match="0 to 127"):
        gm_group(program)


def test_gm_groups_are_eight_programs_each() -> None:
    assert [gm_group(p) for p in (0, 7, 33, 80, 127)] == [
        "Piano",
        "Piano",
        "Bass",
        "Synth lead",
        "Sound effects",
    ]


@pytest.mark.parametrize(
    ("category", "family"),
    by_family(
        {
            "bass": ["Basses"],
            "reed": ["Winds"],
            "guitar": ["Plucks"],
            "percussion": ["Bells"],
            "synth_lead": ["Synths"],
            "strings": ["String Machines"],
            "synth_effects": ["Drones", "Soundscapes"],
            "voice": ["Voices"],
            None: ["Polysynths", "Arps", "never heard of"],
        }
    ),
)
def test_surge_categories_map_to_families(category: str, family: str | None) -> None:
    assert family_of_surge_category(category) == family


@pytest.mark.parametrize(
    ("folder", "family"),
    by_family(
        {
            "bass": ["Basses", "bass", "808s"],
            "synth_lead": ["Synth-Lead"],
            "percussion": ["Kick Drums", "Kicks", "Hi-Hats"],
            "synth_pad": ["Pads"],
            "synth_effects": ["FX", "SFX"],
            "strings": ["String Machines", "String"],
            "pipe": ["Flutes"],
            "voice": ["Choirs", "Voices"],
            "reed": ["Saxes"],
            "guitar": ["Synth Plucks"],
            None: ["Sequences", "Loops", ""],
            "piano": ["pianos"],
        }
    ),
)
def test_families_are_read_from_folder_names(folder: str, family: str | None) -> None:
    assert family_of_folder(folder) == family


@pytest.mark.parametrize(
    ("stem", "family"),
    by_family(
        {
            "percussion": [
                "kick 01",
                "Kick01",
                "KICK-HARD",
                "Kick 808",
                "BD0010",
                "HiHat_Open",
                "Bass Drum",
            ],
            "bass": ["bass_C2", "Synth Bass", "bass synth", "808 C1", "bass guitar E1"],
            "synth_lead": ["SynthLead3", "synth 07"],
            "synth_pad": ["dark synth pad 3"],
            "piano": ["Snare Piano", "Piano.ff.C4"],
            "reed": ["English Horn A4"],
            "pipe": ["Flute.nonvib.ff.B3"],
            "guitar": ["guitar_060-100"],
            "strings": ["Strings_60"],
            "voice": ["choir aah"],
            None: ["01", "C4", "take_2", "untitled", "音 3", ""],
        }
    ),
)
def test_families_are_read_from_file_names(stem: str, family: str | None) -> None:
    assert family_of_file(stem) == family


@pytest.mark.parametrize(
    ("family", "names"),
    [
        # The first cartridge of the DX7, as it was sold.
        ("brass", "BRASS   1,BRASS   2,BRASS   3"),
        ("strings", "STRINGS 1,STRINGS 2,STRINGS 3,ORCHESTRA"),
        ("piano", "PIANO   1,PIANO   2,PIANO   3,E.PIANO 1,HARPSICH 1,CLAV    1"),
        ("guitar", "GUITAR  1,GUITAR  2,KOTO"),
        ("synth_lead", "SYN-LEAD 1"),
        ("bass", "BASS    1,BASS    2"),
        ("organ", "E.ORGAN 1"),
        ("pipe", "PIPES   1,FLUTE   1,REFS WHISL"),
        ("percussion", "VIBE    1,MARIMBA,TUB BELLS,TIMPANI"),
        ("voice", "VOICE   1"),
        (None, "TRAIN,TAKE OFF"),
        # amsynth
        ("piano", "Rockin' Piano,FunPiano,CorysKeys"),
        ("organ", "DirtyLeslie,Church Organ,AiryOrgan2"),
        ("guitar", "2x Banjo,Electric Nylon,Canned Pluck"),
        ("bass", "Airy Bass,5-S  Bass"),
        (None, "YouPickWhich,Afterburners,12or24Clock,Aardvark"),
        # ZynAddSubFX and the public's cartridges
        ("strings", "SoloStrng1,HIGH STRGS,Brass&Str2"),
        ("piano", "GrusinPno2,Synth Rhodes1,SynthRodes"),
        ("bass", "SynthBs.24,Fretless29"),
        ("brass", "AnlgBrs.07,SOLO TRMPT"),
        ("synth_pad", "RhodesPad1,Bell.Pad"),
        ("voice", "EHH Choir 1,SpaceVoice7"),
    ],
)
def test_families_are_read_from_the_names_of_presets(family: str | None, names: str) -> None:
    assert {name: family_of_preset(name) for name in names.split(",")} == dict.fromkeys(
        names.split(","), family
    )


def test_nsynth_families_map_to_families() -> None:
    assert family_of_nsynth("flute") == "pipe"
    assert family_of_nsynth("vocal") == "voice"
    with pytest.raises(InputError, match="synth_lead"):
        family_of_nsynth("theremin")


def test_labels_are_for_people() -> None:
    assert family_label("synth_lead") == "Synth lead"
    assert family_label("bass") == "Bass"


def test_check_families_keeps_the_order_and_drops_repeats() -> None:
    assert check_families(["bass", "percussion", "bass"]) == ("bass", "percussion")
    assert check_families(["Synth lead", "synth-pad"]) == ("synth_lead", "synth_pad")
    assert check_families("bass") == ("bass",)


def test_check_families_says_what_is_allowed() -> None:
    with pytest.raises(InputError, match=r"'kazoo'.*percussion, bass, synth_lead"):
        check_families(["bass", "kazoo"])
    with pytest.raises(InputError, match="at least one"):
        check_families([])
