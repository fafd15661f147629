"""Progress of tasks that consist of parts."""

from cir.types import Progress


def part(progress: Progress | None, start: float, end: float) -> Progress:
    """Return a callback that maps a part's fraction to the whole.

    Args:
        progress: Callback of the whole; None to ignore the progress.
        start: Fraction of the whole at the start of the part.
        end: Fraction of the whole at the end of the part.
    """

    def report(fraction: float, words: str) -> None:
        if progress is not None:
            progress(start + fraction * (end - start), words)

    return report
