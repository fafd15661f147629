"""The thirteen families of instruments, and how other taxonomies map onto them.

Source: the paper's experiments, which extend the families of NSynth by General MIDI programs and by
the categories of the Surge synthesizer. "Percussion" follows the *chromatic percussion* programs of
General MIDI, plus drum kits.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from cir.errors import InputError

FAMILIES: tuple[str, ...] = (
    "percussion",
    "bass",
    "synth_lead",
    "synth_pad",
    "synth_effects",
    "piano",
    "guitar",
    "strings",
    "organ",
    "brass",
    "reed",
    "pipe",
    "voice",
)
"""Slugs, in the order of display and of family queries."""

DEFAULT_REFERENCE_PITCH = 61
"""MIDI pitch of the reference note of an instrument without a family."""

REFERENCE_PITCHES: Mapping[str, int] = MappingProxyType(
    {
        "percussion": 64,
        "bass": 34,
        "synth_lead": 64,
        "synth_pad": 61,
        "synth_effects": 61,
        "piano": 62,
        "guitar": 52,
        "strings": 62,
        "organ": 67,
        "brass": 71,
        "reed": 66,
        "pipe": 72,
        "voice": 63,
    }
)
"""MIDI pitch of a family's reference note: its median pitch over General MIDI songs."""

_GM_PROGRAMS: Mapping[str, Sequence[Iterable[int]]] = {
    "piano": [range(0, 8)],
    "percussion": [range(8, 16), [47, 108]],
    "organ": [range(16, 24)],
    "guitar": [range(24, 32), range(104, 108)],
    "bass": [range(32, 40)],
    "strings": [range(40, 47), range(48, 52), [110]],
    "voice": [range(52, 55)],
    "brass": [range(56, 64)],
    "reed": [range(64, 72), [109, 111]],
    "pipe": [range(72, 80)],
    "synth_lead": [range(80, 88)],
    "synth_pad": [range(88, 96)],
    "synth_effects": [range(96, 104)],
}
_FAMILY_BY_GM_PROGRAM = {
    program: family
    for family, blocks in _GM_PROGRAMS.items()
    for block in blocks
    for program in block
}

_GM_GROUPS = (
    "Piano",
    "Chromatic percussion",
    "Organ",
    "Guitar",
    "Bass",
    "Strings",
    "Ensemble",
    "Brass",
    "Reed",
    "Pipe",
    "Synth lead",
    "Synth pad",
    "Synth effects",
    "Ethnic",
    "Percussive",
    "Sound effects",
)

_SURGE_CATEGORIES = {
    category: family
    for family, categories in {
        "bass": "basses",
        "brass": "brass",
        "reed": "winds",
        "guitar": "guitars, plucks",
        "piano": "keys",
        "percussion": "percussion, drums, mallets, bells",
        "organ": "organs",
        "synth_lead": "leads, synths",
        "strings": "strings, string machines",
        "synth_pad": "pads",
        "voice": "vox, voices",
        "synth_effects": "fx, sfx, drones, atmospheres, ambiance, soundscapes",
    }.items()
    for category in categories.split(", ")
}


def _by_word(table: Mapping[str, str]) -> dict[str, str]:
    """Return the family of each word of a table of families and their words."""
    return {word: family for family, words in table.items() for word in words.split()}


_SAMPLE_PACK_WORDS = {
    "percussion": "kick snare hat hihat clap cymbal crash ride tom rim rimshot shaker tambourine "
    "cowbell conga bongo perc marimba vibraphone timpani",
    "bass": "808 sub reese",
    "piano": "rhodes epiano clav harpsichord",
    "organ": "accordion harmonica",
    "strings": "violin viola cello harp",
    "brass": "trumpet trombone horn tuba",
    "reed": "sax saxophone clarinet oboe bassoon",
    "pipe": "flute recorder whistle ocarina",
    "voice": "vocal choir",
    "synth_effects": "effect riser texture",
}
"""Names of folders of one-shots, in the singular, beyond families and Surge's categories."""
_FAMILY_BY_WORD = _by_word(_SAMPLE_PACK_WORDS)

_FILE_WORDS = {
    "percussion": "bd sd hh kik clave woodblock glockenspiel xylophone celesta kalimba agogo gong "
    "djembe tabla snap stick chime",
    "piano": "wurlitzer wurli",
    "guitar": "banjo sitar ukulele mandolin koto",
    "strings": "contrabass pizzicato fiddle",
    "reed": "bagpipe",
    "pipe": "piccolo panflute shakuhachi",
    "synth_effects": "sweep",
}
"""Names of single sound files, beyond those of folders."""
_FAMILY_BY_FILE_WORD = _by_word(_FILE_WORDS)
_PRESET_WORDS = {
    "percussion": "xylo marim vibe vib tub timp glocken celeste simmons drm prc",
    "bass": "bs bas fretless synbass",
    "piano": "pno pian grand steinway clavinet clavi harpsi harpsich cembalo roads rodes",
    "organ": "org hammond hmnd leslie calliope caliope",
    "guitar": "gtr guit git pluk plucked nylon lute jazzguit",
    "strings": "str strg strgs strng orch orchestra pizz",
    "brass": "brs trmpt trump tpt synbrass synbrs",
    "reed": "clari",
    "pipe": "whisl",
    "voice": "vox choirs ahh ooh",
    "synth_effects": "efx laser swp noise noises",
}
"""What presets are called, beyond what sound files are; many synthesizers keep ten letters."""
_FAMILY_BY_PRESET_WORD = _FAMILY_BY_FILE_WORD | _by_word(_PRESET_WORDS)
_FAMILY_BY_PHRASE = {
    "bass guitar": "bass",
    "bass synth": "bass",
    "english horn": "reed",
    "music box": "percussion",
}
"""Names whose last word alone would mislead."""
_FILE_WORD = re.compile(r"[^\W\d_]+|\d+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")

_NSYNTH_FAMILIES = {
    "bass": "bass",
    "brass": "brass",
    "flute": "pipe",
    "guitar": "guitar",
    "keyboard": "piano",
    "mallet": "percussion",
    "organ": "organ",
    "reed": "reed",
    "string": "strings",
    "synth_lead": "synth_lead",
    "vocal": "voice",
}


def family_label(slug: str) -> str:
    """Return the name for display: `synth_lead` -> `Synth lead`.

    Raises:
        InputError: `slug` is unknown.
    """
    (family,) = check_families([slug])
    return family.replace("_", " ").capitalize()


def family_of_gm_program(program: int, *, is_drum: bool = False) -> str | None:
    """Map a General MIDI program, 0..127, to its family; None for orchestra hits and sound effects.

    Args:
        program: General MIDI program, counted from 0.
        is_drum: The program is a drum kit (MIDI channel 10, bank 128 of a sound font): percussion.

    Raises:
        InputError: `program` is outside 0..127.
    """
    _check_gm_program(program)
    return "percussion" if is_drum else _FAMILY_BY_GM_PROGRAM.get(program)


def gm_group(program: int) -> str:
    """Name the group of eight that a General MIDI program, 0..127, belongs to: 33 -> `Bass`.

    Raises:
        InputError: `program` is outside 0..127.
    """
    return _GM_GROUPS[_check_gm_program(program) // 8]


def family_of_surge_category(category: str) -> str | None:
    """Map a category folder of Surge (`Basses`) to its family; None for chords, arps and others."""
    return _SURGE_CATEGORIES.get(category.strip().lower())


def family_of_folder(name: str) -> str | None:
    """Read a family from the name of a folder: `Basses`, `synth-lead`, `Snares`, `FX`."""
    words = name.strip().lower().replace("_", " ").replace("-", " ")
    for candidate in (words, f"{words}s", *reversed(words.split())):
        slug = candidate.replace(" ", "_")
        for spelling in (slug, slug.removesuffix("s"), slug.removesuffix("es")):
            if spelling in FAMILIES:
                return spelling
            if spelling in _FAMILY_BY_WORD:
                return _FAMILY_BY_WORD[spelling]
        family = family_of_surge_category(candidate) or family_of_surge_category(f"{candidate}s")
        if family is not None:
            return family
    return None


def family_of_file(stem: str) -> str | None:
    """Read a family from the name of a sound file: `kick 01`, `bass_C2`, `SynthLead3`, `808 C1`.

    The last word that names a family counts; `synth` and numbers only where no other word does.
    """
    return _family_of_words(stem, _FAMILY_BY_FILE_WORD)


def family_of_preset(name: str) -> str | None:
    """Read a family from the name of a preset, as `family_of_file` does: `E.PNO 1`, `SynBrs 2`."""
    return _family_of_words(name, _FAMILY_BY_PRESET_WORD)


def _family_of_words(stem: str, table: Mapping[str, str]) -> str | None:
    words = [word.lower() for word in _FILE_WORD.findall(_CAMEL.sub(" ", stem))]
    text = f" {' '.join(words)} "
    for phrase, family in _FAMILY_BY_PHRASE.items():
        if f" {phrase} " in text:
            return family
    plain = [word for word in words if not word.isdigit() and word not in ("synth", "synths")]
    for word in (*reversed(plain), *reversed(words)):
        found = table.get(word) or table.get(word.removesuffix("s")) or family_of_folder(word)
        if found is not None:
            return found
    return None


def family_of_nsynth(name: str) -> str:
    """Map a family name of NSynth (`flute`) to ours.

    Raises:
        InputError: `name` is not one of NSynth's eleven families.
    """
    try:
        return _NSYNTH_FAMILIES[name]
    except KeyError:
        allowed = ", ".join(_NSYNTH_FAMILIES)
        raise InputError(f"NSynth has no family {name!r}; its families are {allowed}.") from None


def reference_pitch(family: str | None) -> int:
    """Return the MIDI pitch at which instruments of a family are compared."""
    if family is None:
        return DEFAULT_REFERENCE_PITCH
    return REFERENCE_PITCHES[check_families([family])[0]]


def check_families(slugs: Sequence[str]) -> tuple[str, ...]:
    """Return the families named, in the order given and each once.

    Case, spaces and hyphens do not matter: `Synth lead` and `synth-lead` name `synth_lead`.

    Raises:
        InputError: A family is unknown, or none is given.
    """
    names = [slugs] if isinstance(slugs, str) else list(slugs)
    if not names:
        raise InputError(f"No family was given; choose at least one of {', '.join(FAMILIES)}.")
    found: dict[str, None] = {}
    for name in names:
        slug = str(name).strip().lower().replace(" ", "_").replace("-", "_")
        if slug not in FAMILIES:
            raise InputError(f"Unknown family {name!r}; choose among {', '.join(FAMILIES)}.")
        found[slug] = None
    return tuple(found)


def _check_gm_program(program: int) -> int:
    if not 0 <= program <= 127:
        raise InputError(f"General MIDI programs are 0 to 127, not {program}.")
    return program
