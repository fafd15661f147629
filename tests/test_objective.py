"""Losses of whole batches, in one process and in two."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import distributed
from torch.multiprocessing.spawn import start_processes

from cir.errors import DataError, InputError
from cir.training.batches import BatchRenderer, PairBatch
from cir.training.loss_table import LOSSES
from cir.training.objective import Objective
from cir.training.run_config import TrainingConfig
from cir.training.sampler import BatchSampler
from tests.tone_bank import write_bank
from tests.training_cases import TINY, tiny_config, tone_pool

pytestmark = pytest.mark.slow

CASES = [(task, name) for name, loss in LOSSES.items() for task in loss.tasks]
OF_TASK = {task: [name for other, name in CASES if other == task] for task in ("pairs", "mixtures")}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bank(tmp_path_factory.mktemp("bank"))


def weights(*names: str, weight: float = 1.0) -> dict[str, float]:
    return dict.fromkeys(names, weight)


def run(
    config: TrainingConfig, process: int = 0, n_processes: int = 1
) -> tuple[Objective, torch.Tensor]:
    """A pass over this process's share; its gradients and loss."""
    pool = tone_pool(Path(config.data[0].removeprefix("bank:")))
    sampler = BatchSampler(pool, config)
    renderer = BatchRenderer(pool, config.encoder, torch.device("cpu"))
    torch.manual_seed(0)
    objective = Objective(config, [number % 3 for number in range(len(pool.instruments))])
    if config.task == "pairs":
        losses = objective(renderer.pairs(sampler.pairs(0, process, n_processes)))
    else:
        losses = objective(renderer.mixtures(sampler.mixtures(0, process, n_processes)))
    losses["loss"].backward()
    return objective, losses["loss"].detach()


@pytest.mark.parametrize(("task", "name"), CASES)
def test_every_loss_reaches_what_it_trains_and_nothing_else(
    data: Path, task: str, name: str
) -> None:
    objective, loss = run(tiny_config(data, task, encoder=TINY, losses=weights(name)))
    assert loss > 0
    for parameter_name, parameter in objective.named_parameters():
        reached = parameter.grad is not None
        # The last layer's norm after the tokens is always reached through the pooled embedding.
        assert reached == parameter.requires_grad, parameter_name
    assert objective.network.ast.embeddings.cls_token.grad is not None


def test_losses_are_refused_where_they_make_no_sense(data: Path) -> None:
    for task, names, encoder, words in (
        ("pairs", ("full_triplet",), TINY, "full_triplet"),
        ("mixtures", ("pair_infonce",), TINY, "pair_infonce"),
        ("mixtures", (), TINY, "none has a weight"),
        ("mixtures", ("query_infonce",), replace(TINY, families=()), "families"),
    ):
        with pytest.raises(InputError, match=words):
            tiny_config(data, task, encoder=encoder, losses=weights(*names))


def test_frozen_notes_keep_their_encoder(data: Path) -> None:
    encoder = replace(TINY, query_kind="linear", shared_encoder=False)
    config = tiny_config(data, encoder=encoder, freeze_notes=True, losses=weights("query_targets"))
    objective, _ = run(config)
    assert all(parameter.grad is None for parameter in objective.network.ast.parameters())
    assert objective.network.mixture_ast is not None
    assert objective.network.mixture_ast.embeddings.cls_token.grad is not None
    with pytest.raises(InputError, match="shared_encoder"):
        replace(config, encoder=replace(encoder, shared_encoder=True))


def test_frozen_notes_meet_no_dropout(data: Path) -> None:
    encoder = replace(TINY, shared_encoder=False, dropout=0.5)
    config = tiny_config(data, encoder=encoder, freeze_notes=True, losses=weights("query_targets"))
    objective = Objective(config, [0] * 3)
    notes = torch.randn(2, TINY.note_samples)
    torch.testing.assert_close(objective._embed_notes(notes), objective._embed_notes(notes))
    assert objective.network.mixture_ast is not None and objective.network.mixture_ast.training


def test_batches_that_ask_no_query_are_no_accident(data: Path) -> None:
    """Nobody plays the one family that the encoder listens for."""
    names = ("query_infonce", "query_targets", "query_proxies", "query_triplet", "mix_infonce")
    config = tiny_config(data, encoder=replace(TINY, families=("organ",)), losses=weights(*names))
    objective, loss = run(config)
    assert torch.isfinite(loss) and loss > 0
    gradients = [p.grad for p in objective.parameters() if p.grad is not None]
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


def test_notes_without_families_teach_none(data: Path) -> None:
    config = tiny_config(data, "pairs", losses=weights("family_classes"))
    with pytest.raises(DataError, match="families"):
        Objective(config, [-1] * 3)
    objective = Objective(config, [-1, 2])
    notes = torch.randn(3, 2, TINY.note_samples)
    losses = objective(PairBatch(notes, torch.zeros(3, dtype=torch.long)))
    assert losses["family_classes"] == 0


def test_two_processes_give_the_loss_and_the_gradients_of_one(data: Path, tmp_path: Path) -> None:
    """Mixtures of two to six stems: the processes have different numbers of notes and mixtures."""
    configs = [
        tiny_config(
            data,
            task,
            encoder=TINY,
            losses=weights(*names, weight=1 / len(names)),  # their mean: rounding grows with a sum
            batch_size=3,
            paper_probability=0.3,
        )
        for task, names in OF_TASK.items()
    ]
    start_processes(  # type: ignore[no-untyped-call]
        _worker, (configs, tmp_path), nprocs=2
    )
    for config in configs:
        alone, loss = run(config)
        together = torch.load(tmp_path / f"{config.task}.pt", weights_only=True)
        torch.testing.assert_close(together.pop("loss"), loss, atol=1e-5, rtol=0)
        for name, parameter in alone.named_parameters():
            if parameter.grad is not None:
                # As a whole: triplets between near neighbours have gradients that magnify rounding.
                error = (together[name] - parameter.grad).norm()
                assert error <= 5e-3 * parameter.grad.norm() + 1e-5, name


def _worker(process: int, configs: list[TrainingConfig], folder: Path) -> None:
    """One of two; averages gradients over both, as DistributedDataParallel does."""
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder / 'rendezvous'}", rank=process, world_size=2
    )
    for config in configs:
        objective, loss = run(config, process, 2)
        found = {"loss": loss}
        for name, parameter in objective.named_parameters():
            if parameter.grad is not None:
                distributed.all_reduce(parameter.grad)
                found[name] = parameter.grad / 2
        if process == 0:
            torch.save(found, folder / f"{config.task}.pt")
    distributed.destroy_process_group()
