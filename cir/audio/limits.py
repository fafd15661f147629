"""Limits of sounds, and the errors for sounds beyond them."""

from numbers import Integral

from cir.errors import InputError

MAX_SECONDS = 1200.0
"""Default limit of the length of a sound."""

MIN_SAMPLE_RATE, MAX_SAMPLE_RATE = 1_000, 384_000

MAX_SAMPLES = 1_000_000_000
"""Limit of the samples of all channels of a file: 10 minutes of eight channels at 192 kHz."""


def check_sample_rate(sample_rate: int) -> int:
    """Check a sample rate in Hz and return it as an int.

    Raises:
        InputError: It is not a whole number from 1 000 to 384 000.
    """
    whole = isinstance(sample_rate, Integral) and not isinstance(sample_rate, bool)
    if not whole or not MIN_SAMPLE_RATE <= sample_rate <= MAX_SAMPLE_RATE:
        raise InputError(
            f"The sample rate must be a whole number of hertz from {MIN_SAMPLE_RATE} to "
            f"{MAX_SAMPLE_RATE}, not {sample_rate!r}."
        )
    return int(sample_rate)


def silent(what: str) -> InputError:
    """Return the error for a silent sound."""
    return InputError(
        f"{what} is silent (nothing in it that can be heard reaches -80 dB); give a sound that can "
        "be heard."
    )


def too_long(what: str, seconds: float, max_seconds: float) -> InputError:
    """Return the error for a sound of at least `seconds`."""
    length = f"{_minutes(seconds)} long" if seconds > 1.01 * max_seconds else "too long"
    return InputError(
        f"{what} is {length}; at most {_minutes(max_seconds)} are allowed: "
        "cut out the passage of interest."
    )


def too_many_samples(what: str) -> InputError:
    """Return the error for a sound of more than `MAX_SAMPLES`."""
    return InputError(
        f"{what} holds more than {MAX_SAMPLES:,} samples in all its channels; convert it to stereo "
        "at 48 kHz or less, or cut out the passage of interest."
    )


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} minutes" if seconds >= 120 else f"{seconds:.1f} seconds"
