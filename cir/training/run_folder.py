"""Files of a run: configuration, logs, checkpoint to resume from, best and last model."""

import csv
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from cir.errors import CheckpointError
from cir.files import bring_back, replacing, replacing_folder
from cir.model.checkpoint import WEIGHTS_NAME, load_folder
from cir.model.tensors import to_tensors
from cir.training.checkpoint_tensors import CHECKPOINT_ERRORS, to_stored
from cir.training.optimiser import load_state_tensors, state_tensors
from cir.training.run_config import TrainingConfig


@dataclass(frozen=True)
class Progressed:
    """Progress of a run."""

    step: int = 0
    clips: int = 0
    """Sounds that went through the network, notes and mixtures."""
    seconds: float = 0.0
    """Time spent training, validation included, over all resumptions."""
    best_score: float = -1.0


class RunFolder:
    """A folder `runs/NAME`, written atomically piece by piece."""

    def __init__(self, folder: Path) -> None:
        """Make the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.best, self.last = folder / "best", folder / "last"
        self._checkpoint = folder / "checkpoint"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs out: two in one folder would mix their checkpoints.

        Raises:
            CheckpointError: Another process is training here.
        """
        lock = FileLock(self.folder / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise CheckpointError(
                f"Another process is training into {self.folder}; wait for it or name another "
                "folder."
            ) from None
        try:
            yield
        finally:
            lock.release()

    def save_config(self, config: TrainingConfig) -> None:
        """Write the configuration."""
        with replacing(self.folder / "config.json") as path:
            path.write_text(json.dumps(asdict(config), indent=2) + "\n", encoding="utf-8")

    def save(
        self, objective: nn.Module, average: nn.Module, optimizer: Optimizer, state: Progressed
    ) -> None:
        """Write all that a resumed run needs; the old checkpoint stays until it is complete."""
        with replacing_folder(self._checkpoint) as temporary:
            save_file(to_stored(objective.state_dict()), temporary / "objective.safetensors")
            save_file(to_stored(average.state_dict()), temporary / "average.safetensors")
            save_file(to_stored(state_tensors(optimizer)), temporary / "optimizer.safetensors")
            (temporary / "state.json").write_text(json.dumps(asdict(state)), encoding="utf-8")

    def restore(
        self, objective: nn.Module, average: nn.Module, optimizer: Optimizer
    ) -> Progressed | None:
        """Load the checkpoint; return None if there is none.

        Raises:
            CheckpointError: It belongs to another configuration.
        """
        bring_back(self._checkpoint)
        if not self._checkpoint.exists():
            return None
        try:
            objective.load_state_dict(load_file(self._checkpoint / "objective.safetensors"))
            average.load_state_dict(load_file(self._checkpoint / "average.safetensors"))
            load_state_tensors(optimizer, load_file(self._checkpoint / "optimizer.safetensors"))
        except CHECKPOINT_ERRORS as error:
            raise CheckpointError(
                f"The checkpoint in {self.folder} belongs to another configuration; train into "
                f"another folder or remove it. ({error})"
            ) from error
        return Progressed(**json.loads((self._checkpoint / "state.json").read_text("utf-8")))

    def initialise(self, objective: nn.Module) -> None:
        """Start from this run's averaged weights, or from the model in this folder.

        What it lacks or has in another size stays fresh, and so does a temperature that is not
        learned here.

        Raises:
            CheckpointError: There is neither a checkpoint nor a model, or nothing of it fits.
        """
        trained = dict(objective.named_parameters())
        own = {
            name: value
            for name, value in objective.state_dict().items()
            if name != "log_temperature" or trained[name].requires_grad
        }
        state = self._find_weights()
        fitting = {
            name: value
            for name, value in state.items()
            if name in own and own[name].shape == value.shape
        }
        if not fitting:
            raise CheckpointError(f"Nothing in {self.folder} fits this configuration's model.")
        objective.load_state_dict(fitting, strict=False)

    def _find_weights(self) -> dict[str, Tensor]:
        path = self._checkpoint / "objective.safetensors"
        if path.exists():
            state = load_file(path)
            state |= _of_network(load_file(self._checkpoint / "average.safetensors"))
            return state
        if (self.folder / WEIGHTS_NAME).exists():
            return _of_network(to_tensors(load_folder(self.folder)[1]))
        raise CheckpointError(f"{self.folder} holds neither a checkpoint nor a model.")

    def log(self, name: str, values: Mapping[str, float]) -> None:
        """Append a row to a CSV file, `log.csv` or `validation.csv`."""
        path = self.folder / name
        new = not path.exists()
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=list(values))
            if new:
                writer.writeheader()
            writer.writerow({key: round(value, 6) for key, value in values.items()})


def _of_network(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"network.{name}": value for name, value in state.items()}
