"""Configuration of a run that trains one of the paper's models."""

import math
from collections.abc import Sequence
from dataclasses import field
from typing import Annotated, Literal

from pydantic import Field

from cir.config import Amount, Count, Number, Share, checked
from cir.errors import InputError
from cir.instruments.families import FAMILIES
from cir.model.ast_config import EncoderConfig
from cir.training.loss_table import LOSSES

_LEAST_EXPONENTIAL = 1e-3
"""An exponential never reaches 0; towards 0 it falls to this share of its start."""


@checked()
class TrainingConfig:
    """A run: the task, the data, the model, the losses and the schedule."""

    task: Literal["pairs", "mixtures"] = "mixtures"
    """`pairs`: two notes of one instrument. `mixtures`: mixtures, and a note of each instrument."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    data: tuple[str, ...] = ("soundfont:TimGM6mb.sf2",)
    """Sources of instruments, as `cir.datasets.registry.open_dataset` names them. The valid split
    of the first one decides which checkpoint is the best."""
    data_weights: tuple[Amount, ...] = ()
    """How often an instrument comes from each source; empty: in proportion to their instruments."""
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    initial: str | None = None
    """Folder of a run or of a model to start from; weights that it lacks stay fresh."""
    initial_ast: str | None = None
    """An AST to start from, as a Hub id or a folder. Where it cannot be had, the run says so and
    starts from scratch."""
    freeze_notes: bool = False
    """Keep the encoder of notes as it is at the start (with `shared_encoder: false`)."""
    losses: dict[str, Amount] = field(default_factory=dict)
    """Weight of each loss of `cir.training.loss_table.LOSSES`; 0 leaves it out."""
    learn_temperature: bool = False
    batch_size: Count = 16
    """Mixtures, or pairs, in a batch of all processes together."""
    hard_negatives: Share = 0.5
    """Share of a batch of pairs that is drawn from one family."""
    total_steps: Count = 10_000
    warmup_steps: Number = 300
    decay_steps: Count | None = None
    """Steps at the end over which the learning rate falls, constant before; None: all."""
    schedule: Literal["linear", "cosine", "exponential"] = "cosine"
    """Shape of that fall."""
    learning_rate: Amount = 5e-4
    final_learning_rate: Amount = 0.0
    weight_decay: Amount = 0.05
    ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.999
    """Decay of the moving average of the weights, which is validated and kept; 0 for no average."""
    max_gradient_norm: Amount = 1.0
    """Longer gradients are scaled down to this norm; 0 for no limit."""
    twins: bool = True
    """Use effects-off twins as further instruments."""
    variants: Number = 0
    """Recast copies of every instrument, and of every twin, as further instruments."""
    original_probability: Share = 0.5
    """Probability that an instrument plays as itself, and not as any of itself and its variants."""
    reference_probability: Share = 0.3
    """Probability that the note of an instrument is its reference note, and not any."""
    paper_probability: Share = 1.0
    """Probability that a mixture has the paper's families, and not any three."""
    level_range_db: Amount = 0.0
    """Each stem's level is moved by up to this much, up or down."""
    validate_every_steps: Count = 1_000
    n_validation_mixtures: Count = 150
    checkpoint_every_seconds: Amount = 300.0
    trackers: tuple[str, ...] = ("tensorboard",)
    """Names that accelerate knows, beside the CSV files; packages not installed are left out."""

    def __post_init__(self) -> None:
        check_sources(self.data, self.data_weights)
        families = self.encoder.families
        if set(families) - set(FAMILIES) or len(set(families)) < len(families):
            raise InputError(
                f"families of the encoder must be among {', '.join(FAMILIES)}, none twice; got "
                f"{families}."
            )
        for smaller, larger in (
            ("warmup_steps", "total_steps"),
            ("final_learning_rate", "learning_rate"),
        ):
            if getattr(self, smaller) > getattr(self, larger):
                raise InputError(
                    f"{smaller} must not exceed {larger}, got {getattr(self, smaller)} and "
                    f"{getattr(self, larger)}."
                )
        self._check_losses()
        if self.freeze_notes and (self.encoder.shared_encoder or self.task == "pairs"):
            raise InputError(
                "freeze_notes needs task: mixtures, and shared_encoder: false in the encoder."
            )

    def _check_losses(self) -> None:
        if unknown := sorted(set(self.losses) - set(LOSSES)):
            raise InputError(f"Unknown losses {unknown}; allowed are {', '.join(LOSSES)}.")
        active = self.active_losses
        if not active:
            raise InputError("losses: none has a weight; give at least one, such as pair_infonce.")
        if misplaced := sorted(name for name in active if self.task not in LOSSES[name].tasks):
            raise InputError(f"losses: {misplaced} make no sense with task {self.task!r}.")
        queries = sorted(name for name in active if "queries" in LOSSES[name].needs)
        if queries and not self.encoder.families:
            raise InputError(f"losses: {queries} need families in the encoder.")

    @property
    def active_losses(self) -> dict[str, float]:
        """Weights of the losses that count, in the order of the table."""
        return {name: self.losses[name] for name in LOSSES if self.losses.get(name)}

    def learning_rate_at(self, step: int) -> float:
        """Warm-up, then constant, then down over the last `decay_steps`.

        A run can be cut short or prolonged by another `total_steps`: the constant part before it
        stays valid. Steps count from 0.
        """
        if step < self.warmup_steps:
            return self.learning_rate * (step + 1) / self.warmup_steps
        longest = max(1, self.total_steps - self.warmup_steps)
        decay = min(longest, self.decay_steps or self.total_steps)
        done = min(1.0, max(0.0, 1 - (self.total_steps - step) / decay))
        peak, final = self.learning_rate, self.final_learning_rate
        if self.schedule == "exponential":
            return peak * max(final / peak, _LEAST_EXPONENTIAL) ** done if peak else 0.0
        left = (1 + math.cos(math.pi * done)) / 2 if self.schedule == "cosine" else 1 - done
        return final + (peak - final) * left


def check_sources(data: Sequence[str], weights: Sequence[float]) -> None:
    """Check that sources are named, and weighted all or none.

    Raises:
        InputError: They are not.
    """
    if not data:
        raise InputError("data must name at least one source.")
    if weights and (len(weights) != len(data) or not 0 < sum(weights) < math.inf):
        raise InputError(
            f"data_weights must be empty, or one for each of the {len(data)} sources and not all "
            f"0, got {weights}."
        )
