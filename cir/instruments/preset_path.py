"""The path of an instrument in the browser of its synthesizer or player."""

from pathlib import PurePosixPath

from cir.types import Instrument

_SURGE_SOURCES = ("surge", "surge-xt")
_SURGE_FACTORY = "Surge factory"
_SEPARATOR = " > "


def preset_path(instrument: Instrument) -> str:
    """Return the path to an instrument, from the outermost menu inwards.

    | source | path |
    |---|---|
    | Surge, its own patches | `Factory > Basses > Attacky` |
    | Surge, patches of others | `Third Party > Zoozither > Basses > Godfather` |
    | a sound font | `TimGM6mb.sf2 > Bank 0 > Program 40 > Violin` |
    | one key of a sound font's kit | `... > Bank 128 > Program 0 > Key 38 > Standard kit, snare` |
    | a preset or samples in a file or folder | that file or folder |
    | anything else | `BANK > CATEGORY > NAME` |
    """
    scheme, _, reference = instrument.engine.partition(":")
    if instrument.source in _SURGE_SOURCES:
        if instrument.bank == _SURGE_FACTORY:
            return _join("Factory", instrument.category, instrument.name)
        return _join("Third Party", instrument.bank, instrument.category, instrument.name)
    place, _, numbers = reference.partition("#")
    if scheme == "soundfont":
        labels = zip(("Bank", "Program", "Key"), numbers.split("/"), strict=False)
        steps = [f"{label} {number}" for label, number in labels if number]
        return _join(PurePosixPath(place).name, *steps, instrument.name)
    if scheme in ("vital", "surge", "samples") and place:
        return place
    return _join(instrument.bank, instrument.category, instrument.name)


def _join(*steps: str) -> str:
    return _SEPARATOR.join(step for step in steps if step)
