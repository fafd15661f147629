"""How alike something sounds, in words: what is said where no chance is known."""

from dataclasses import dataclass

from cir.errors import InputError
from cir.index.chances import check_numbers


@dataclass(frozen=True)
class Likeness:
    """Where the words change, on the scale of a model's similarities of mixtures to instruments."""

    similar: float = 0.3
    very_similar: float = 0.5

    def __post_init__(self) -> None:
        check_numbers("the likeness", (self.similar, self.very_similar))
        if self.similar > self.very_similar:
            raise InputError(
                f"What is very similar, from {self.very_similar}, must be above what is similar, "
                f"from {self.similar}."
            )

    def word(self, similarity: float) -> str:
        """Say it: very similar, similar or not alike."""
        if similarity >= self.very_similar:
            return "very similar"
        return "similar" if similarity >= self.similar else "not alike"
