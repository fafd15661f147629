"""Words for how alike two sounds are, for answers without chances."""

from dataclasses import dataclass

from cir.errors import InputError
from cir.index.chances import check_numbers


@dataclass(frozen=True)
class Likeness:
    """The similarities of mixtures to instruments at which the words change."""

    similar: float = 0.3
    very_similar: float = 0.5

    def __post_init__(self) -> None:
        check_numbers("the likeness", (self.similar, self.very_similar))
        if self.similar > self.very_similar:
            raise InputError(
                f"very_similar is {self.very_similar}; at least {self.similar} is allowed."
            )

    def word(self, similarity: float) -> str:
        """Return "very similar", "similar" or "not alike"."""
        if similarity >= self.very_similar:
            return "very similar"
        return "similar" if similarity >= self.similar else "not alike"
