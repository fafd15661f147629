"""What decides a training run."""

import math
from dataclasses import dataclass, field, fields

from cir.errors import InputError
from cir.instruments.families import FAMILIES
from cir.mixtures.config import PAPER_FAMILIES
from cir.model.config import EncoderConfig
from cir.training.schedule import SHAPES

TASKS = ("pairs", "mixtures")
PRECISIONS = ("auto", "no", "bf16")
TEMPERATURES = (0.02, 1.0)
"""Below, cosines overflow and gradients vanish; above, nothing is told apart."""
_SEEDS = 2**32
_PAIR_LOSSES = {"pair_triplet", "pair_infonce"}
_NOTE_LOSSES = {"family_classes", "instrument_classes", "note_proxies"}
_LEAST = {
    "seed": 0,
    "batch_size": 1,
    "accumulate": 1,
    "total_steps": 1,
    "warmup_steps": 0,
    "decay_steps": 1,
    "learning_rate": 0,
    "final_learning_rate": 0,
    "weight_decay": 0,
    "ema_decay": 0,
    "max_gradient_norm": 0,
    "variants": 0,
    "level_range_db": 0,
    "validate_every_steps": 1,
    "n_validation_mixtures": 1,
    "checkpoint_every_seconds": 0,
}
_PROBABILITIES = (
    "hard_negatives",
    "original_probability",
    "reference_probability",
    "paper_probability",
)


@dataclass(frozen=True)
class LossWeights:
    """How much each loss counts; 0 leaves it out.

    The first two need pairs, the next three take notes of either task, the others need mixtures.
    """

    pair_triplet: float = 0.0
    pair_infonce: float = 0.0
    family_classes: float = 0.0
    """A linear head names the family of each note."""
    instrument_classes: float = 0.0
    """A linear head names the training instrument of each note."""
    note_proxies: float = 0.0
    """The same by cosine: notes against one learned point for each training instrument."""
    mix_triplet: float = 0.0
    full_triplet: float = 0.0
    mix_infonce: float = 0.0
    full_infonce: float = 0.0
    query_infonce: float = 0.0
    """Each family query of a mixture against the notes of the batch."""
    query_triplet: float = 0.0
    """The full triplet loss with each family query as a mixture of one note."""
    query_proxies: float = 0.0
    """Each family query against the points that `note_proxies` learns."""
    query_targets: float = 0.0
    """Each family query copies a note's embedding, without negatives: the multi-encoder."""

    @property
    def active(self) -> dict[str, float]:
        """Losses that count, by name."""
        weights = {entry.name: float(getattr(self, entry.name)) for entry in fields(self)}
        return {name: weight for name, weight in weights.items() if weight != 0.0}


@dataclass(frozen=True)
class TrainingConfig:
    """A run: the task, the data, the model, the losses and the schedule."""

    task: str = "mixtures"
    """`pairs`: two notes of one instrument. `mixtures`: mixtures, and notes of who plays."""
    seed: int = 0
    data: tuple[str, ...] = ("bank:$CIR_DATA/surge",)
    """Sources of instruments, as `cir.datasets.registry.open_dataset` names them. The first one's
    valid split decides which checkpoint is the best."""
    data_weights: tuple[float, ...] = ()
    """How often an instrument comes from each source; empty: as they have instruments."""
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    initial: str | None = None
    """Folder of a run, or of a model, to start from; what it lacks stays fresh."""
    initial_ast: str | None = None
    """An AST of the Hub or a folder to start from; from scratch, and saying so, where there is no
    way to it."""
    freeze_notes: bool = False
    """Notes are embedded by the encoder as it is at the start (with `shared_encoder: false`)."""
    losses: LossWeights = field(default_factory=LossWeights)
    temperature: float = 0.1
    learn_temperature: bool = False
    batch_size: int = 16
    """Mixtures, or pairs, in a batch of all processes together."""
    accumulate: int = 1
    """Batches a step; each has negatives of its own."""
    hard_negatives: float = 0.5
    """Share of a batch of pairs that is drawn from one family."""
    total_steps: int = 10_000
    warmup_steps: int = 300
    decay_steps: int | None = None
    """The learning rate falls over so many last steps, and is constant before; None: all."""
    schedule: str = "cosine"
    """How it falls: `linear`, `cosine` or `exponential`."""
    learning_rate: float = 5e-4
    final_learning_rate: float = 0.0
    weight_decay: float = 0.05
    ema_decay: float = 0.999
    """Of the moving average that is validated and kept; 0 keeps the weights themselves."""
    max_gradient_norm: float = 1.0
    """Longer gradients are shortened to it; 0 leaves them as they are."""
    precision: str = "auto"
    """`no` (float32), `bf16`, or `auto`: bf16 on a GPU."""
    twins: bool = True
    """Effects-off twins as further instruments."""
    variants: int = 0
    """Recast copies of every instrument, and of every twin, as further instruments."""
    original_probability: float = 0.5
    """How often an instrument plays as itself rather than as any of itself, twin and variants."""
    reference_probability: float = 0.3
    """How often the note of an instrument is its reference note rather than any."""
    paper_probability: float = 1.0
    """How often a mixture is of the paper's families rather than of any three."""
    paper_families: tuple[str, ...] = PAPER_FAMILIES
    level_range_db: float = 0.0
    """Each stem's level is moved by up to this much, up or down."""
    validate_every_steps: int = 1_000
    n_validation_mixtures: int = 150
    checkpoint_every_seconds: float = 300.0
    trackers: tuple[str, ...] = ("tensorboard",)
    """Beside the CSV files: names that accelerate knows; what is not installed is left out."""

    def __post_init__(self) -> None:
        _check_choice("task", self.task, TASKS)
        _check_choice("precision", self.precision, PRECISIONS)
        _check_choice("schedule", self.schedule, SHAPES)
        self._check_numbers()
        if not self.data:
            raise InputError("data must name at least one source.")
        if self.data_weights and (
            len(self.data_weights) != len(self.data)
            or not min(self.data_weights) >= 0
            or not 0 < sum(self.data_weights) < math.inf
        ):
            raise InputError(
                f"data_weights must be none, or one for each of the {len(self.data)} sources, none "
                f"negative and not all 0, got {self.data_weights}."
            )
        _check_families("families of the encoder", self.encoder.families)
        _check_families("paper_families", self.paper_families)
        if not self.paper_families:
            raise InputError("paper_families must name at least one family.")
        self._check_losses()

    def _check_numbers(self) -> None:
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and not least <= value < math.inf:
                raise InputError(f"{name} must be {least} at least, got {value}.")
        for name in _PROBABILITIES:
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} must lie between 0 and 1, got {getattr(self, name)}.")
        low, high = TEMPERATURES
        if not low <= self.temperature <= high:
            raise InputError(
                f"temperature must lie between {low} and {high}, got {self.temperature}."
            )
        if self.seed >= _SEEDS:
            raise InputError(f"seed must be below {_SEEDS}, got {self.seed}.")
        if self.ema_decay >= 1:
            raise InputError(f"ema_decay must be below 1, got {self.ema_decay}.")
        for smaller, larger in (
            ("warmup_steps", "total_steps"),
            ("final_learning_rate", "learning_rate"),
        ):
            if getattr(self, smaller) > getattr(self, larger):
                raise InputError(
                    f"{smaller} must not exceed {larger}, got {getattr(self, smaller)} and "
                    f"{getattr(self, larger)}."
                )

    def _check_losses(self) -> None:
        for name, weight in self.losses.active.items():
            if not 0 < weight < math.inf:
                raise InputError(f"losses: {name} must be 0 at least, got {weight}.")
        active = set(self.losses.active)
        if not active:
            raise InputError("losses: none has a weight; give at least one, such as pair_infonce.")
        misplaced = active & _PAIR_LOSSES
        if self.task == "pairs":
            misplaced = active - _PAIR_LOSSES - _NOTE_LOSSES
        if misplaced:
            raise InputError(f"losses: {sorted(misplaced)} make no sense with task {self.task!r}.")
        queries = {name for name in active if name.startswith("query_")}
        if queries and not self.encoder.families:
            raise InputError(f"losses: {sorted(queries)} need families in the encoder.")
        if self.freeze_notes and (self.encoder.shared_encoder or self.task == "pairs"):
            raise InputError(
                "freeze_notes needs task: mixtures, and shared_encoder: false in the encoder."
            )


def _check_choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InputError(f"Unknown {name} {value!r}; allowed are {', '.join(allowed)}.")


def _check_families(name: str, families: tuple[str, ...]) -> None:
    for family in families:
        if family not in FAMILIES or families.count(family) > 1:
            raise InputError(
                f"{name} must be among {', '.join(FAMILIES)}, none twice; got {family!r}."
            )
