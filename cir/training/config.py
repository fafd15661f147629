"""What decides a training run."""

from dataclasses import dataclass, field

from cir.errors import InputError
from cir.mixtures.score import PAPER_FAMILIES
from cir.model.config import EncoderConfig

TASKS = ("pairs", "mixtures")


@dataclass(frozen=True)
class LossWeights:
    """How much each loss counts; 0 leaves it out."""

    infonce: float = 1.0
    """Between two notes (pairs), or between family queries and notes (mixtures)."""
    mix_infonce: float = 0.0
    """The paper's, on the mixture's one embedding (mixtures only)."""
    full_triplet: float = 0.0
    """The paper's best, on the mixture's one embedding (mixtures only)."""
    note_proxies: float = 1.0
    """Notes against the proxies of all training instruments."""
    query_proxies: float = 1.0
    """Family queries against the same proxies (mixtures only)."""


@dataclass(frozen=True)
class TrainingConfig:
    """A run: the task, the data, the model and the schedule."""

    task: str = "mixtures"
    """`pairs`: two notes of one instrument. `mixtures`: mixtures against notes, and notes alike."""
    seed: int = 0
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    initial_run: str | None = None
    """Folder of a finished run whose weights and proxies to start from."""
    losses: LossWeights = field(default_factory=LossWeights)
    batch_size: int = 16
    """Mixtures, or pairs, a process and step."""
    mixtures_with_notes: int | None = None
    """So many mixtures of a batch come with notes, None: all. The others only meet proxies: three
    notes cost more than their mixture, and are learned sooner."""
    total_steps: int = 10_000
    warmup_steps: int = 300
    decay_steps: int = 2_000
    """The learning rate is constant, then falls linearly to 0 over the last steps."""
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    ema_decay: float = 0.999
    max_gradient_norm: float = 1.0
    precision: str = "bf16"
    """`no` (float32) or `bf16`."""
    twins: bool = True
    """Effects-off twins as further instruments."""
    transpositions: tuple[int, ...] = (0, 3, -3)
    """Resampled copies as further instruments, in semitones."""
    original_probability: float = 0.5
    """How often an instrument plays as itself rather than as its twin or a resampled copy."""
    reference_probability: float = 0.3
    """How often the note of an instrument is its reference note rather than any."""
    paper_probability: float = 0.5
    """How often a mixture is of the paper's three families rather than of any three."""
    paper_families: tuple[str, ...] = PAPER_FAMILIES
    level_range_db: float = 3.0
    validate_every_steps: int = 1_000
    n_validation_mixtures: int = 150
    checkpoint_every_seconds: float = 300.0

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise InputError(f"Unknown task {self.task!r}; allowed are {', '.join(TASKS)}.")
        if self.precision not in ("no", "bf16"):
            raise InputError(f"Unknown precision {self.precision!r}; allowed are no, bf16.")
        if min(self.batch_size, self.total_steps, self.validate_every_steps) < 1:
            raise InputError("batch_size, total_steps and validate_every_steps must be positive.")
        if 0 not in self.transpositions:
            raise InputError("transpositions must contain 0, the instruments as they are.")
