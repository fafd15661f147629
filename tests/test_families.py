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


def test_there_are_thirteen_families_in_their_fixed_order() -> None:
    assert len(FAMILIES) == len(set(FAMILIES)) == 13
    assert FAMILIES[:3] == ("percussion", "bass", "synth_lead")


def test_every_family_has_a_reference_pitch_and_the_rest_has_one_too() -> None:
    assert set(REFERENCE_PITCHES) == set(FAMILIES)
    assert reference_pitch("bass") == 34
    assert reference_pitch(None) == 61


@pytest.mark.parametrize(
    ("program", "family"),
    [
        (0, "piano"),
        (8, "percussion"),
        (15, "percussion"),
        (16, "organ"),
        (24, "guitar"),
        (39, "bass"),
        (46, "strings"),
        (47, "percussion"),
        (48, "strings"),
        (54, "voice"),
        (55, None),
        (63, "brass"),
        (64, "reed"),
        (79, "pipe"),
        (80, "synth_lead"),
        (95, "synth_pad"),
        (103, "synth_effects"),
        (107, "guitar"),
        (108, "percussion"),
        (109, "reed"),
        (110, "strings"),
        (111, "reed"),
        (112, None),
        (127, None),
    ],
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
    [
        ("Basses", "bass"),
        ("Winds", "reed"),
        ("Plucks", "guitar"),
        ("Bells", "percussion"),
        ("Synths", "synth_lead"),
        ("String Machines", "strings"),
        ("Drones", "synth_effects"),
        ("Soundscapes", "synth_effects"),
        ("Voices", "voice"),
        ("Polysynths", None),
        ("Arps", None),
        ("never heard of", None),
    ],
)
def test_surge_categories_map_to_families(category: str, family: str | None) -> None:
    assert family_of_surge_category(category) == family


@pytest.mark.parametrize(
    ("folder", "family"),
    [
        ("Basses", "bass"),
        ("bass", "bass"),
        ("Synth-Lead", "synth_lead"),
        ("Kick Drums", "percussion"),
        ("Pads", "synth_pad"),
        ("FX", "synth_effects"),
        ("SFX", "synth_effects"),
        ("String Machines", "strings"),
        ("Kicks", "percussion"),
        ("Hi-Hats", "percussion"),
        ("808s", "bass"),
        ("Flutes", "pipe"),
        ("Choirs", "voice"),
        ("Saxes", "reed"),
        ("Synth Plucks", "guitar"),
        ("Sequences", None),
        ("Voices", "voice"),
        ("String", "strings"),
        ("pianos", "piano"),
        ("Loops", None),
        ("", None),
    ],
)
def test_families_are_read_from_folder_names(folder: str, family: str | None) -> None:
    assert family_of_folder(folder) == family


@pytest.mark.parametrize(
    ("stem", "family"),
    [
        ("kick 01", "percussion"),
        ("bass_C2", "bass"),
        ("Kick01", "percussion"),
        ("KICK-HARD", "percussion"),
        ("SynthLead3", "synth_lead"),
        ("dark synth pad 3", "synth_pad"),
        ("synth 07", "synth_lead"),
        ("Synth Bass", "bass"),
        ("bass synth", "bass"),
        ("808 C1", "bass"),
        ("Kick 808", "percussion"),
        ("BD0010", "percussion"),
        ("HiHat_Open", "percussion"),
        ("Snare Piano", "piano"),
        ("bass guitar E1", "bass"),
        ("Bass Drum", "percussion"),
        ("English Horn A4", "reed"),
        ("Piano.ff.C4", "piano"),
        ("Flute.nonvib.ff.B3", "pipe"),
        ("guitar_060-100", "guitar"),
        ("Strings_60", "strings"),
        ("choir aah", "voice"),
        ("01", None),
        ("C4", None),
        ("take_2", None),
        ("untitled", None),
        ("\u97f3 3", None),
        ("", None),
    ],
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
