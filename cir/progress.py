"""Progress of a whole that is made of parts."""

from cir.types import Progress


def part(progress: Progress | None, start: float, end: float) -> Progress:
    """Report a part's fraction as one of the whole.

    Args:
        progress: Of the whole; None where nobody listens.
        start: How far the whole is when the part begins, in [0, 1].
        end: How far it is when the part is done.
    """

    def report(fraction: float, words: str) -> None:
        if progress is not None:
            progress(start + fraction * (end - start), words)

    return report
