"""Make the sound beside the README: a bundled mix, then the phrases of what is found in it.

python docs/story_sound.py            # writes docs/story.mp3, under twenty seconds
"""

import argparse
from pathlib import Path

import numpy as np
import soundfile

from cir import search
from cir.audio.dsp import fade_out, resample
from cir.audio.io import load_audio
from cir.audio.loudness import integrated_loudness
from cir.types import FloatArray

ROOT = Path(__file__).parent.parent
RATE = 44_100
MIX_SECONDS, PHRASE_SECONDS, GAP_SECONDS = 6.0, 4.0, 0.4
LUFS = -18.0


def passage(path: Path, seconds: float) -> FloatArray:
    """The beginning of a file at `RATE` and `LUFS`, faded out, with a gap behind it."""
    audio, rate = load_audio(path, sample_rate=None)
    audio = resample(audio[: round(seconds * rate)], rate, RATE)
    level = 10 ** ((LUFS - integrated_loudness(audio, RATE)) / 20)
    audio = fade_out(audio * min(level, 0.95 / float(np.abs(audio).max())), RATE // 5)
    return np.concatenate([audio, np.zeros(round(GAP_SECONDS * RATE))]).astype(np.float32)


def main() -> None:
    """Search, put one after the other, encode."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    examples = ROOT / "cir" / "assets" / "examples"
    parser.add_argument("--mix", type=Path, default=examples / "mix-1.flac")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "story.mp3")
    arguments = parser.parse_args()
    parts = [passage(arguments.mix, MIX_SECONDS)]
    for result in search(arguments.mix):
        best = next(match for match in result.matches if match.phrase is not None)
        print(f"{result.family}: {best.instrument.name}, by {best.instrument.author}")
        parts.append(passage(Path(str(best.phrase)), PHRASE_SECONDS))
    sound = np.concatenate(parts)
    soundfile.write(
        arguments.output, sound, RATE, format="MP3", subtype="MPEG_LAYER_III", compression_level=0.6
    )
    size = arguments.output.stat().st_size / 1e6
    print(f"{arguments.output}: {sound.size / RATE:.1f} s, {size:.2f} MB")


if __name__ == "__main__":
    main()
