"""What every loss keeps: one contract over all of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import pytest
import torch
from torch import Generator, Tensor

from cir.losses.cosine_to_targets import cosine_to_targets
from cir.losses.full_infonce import full_infonce
from cir.losses.full_triplet import full_triplet
from cir.losses.mix_infonce import mix_infonce
from cir.losses.mix_triplet import mix_triplet
from cir.losses.pair_infonce import pair_infonce
from cir.losses.pair_triplet import pair_triplet
from cir.losses.proxies import proxy_cross_entropy
from cir.losses.supervised_contrastive import supervised_contrastive

Loss = Callable[..., Tensor]
Inputs = Mapping[str, Tensor]

SIZE = 16
GOOD, BAD = 0.1, 3.0  # noise on embeddings that are right, in units of the space between sounds


@dataclass(frozen=True)
class Kind:
    """What a group of sibling losses is fed with."""

    draw: Callable[[int, float, Generator], Inputs]
    """Batch size, noise -> arguments by name."""
    shuffle: Callable[[Inputs, Generator], Inputs]
    """The same sounds in another order."""


def _noisy(centres: Tensor, noise: float, generator: Generator) -> Tensor:
    return centres + noise * torch.randn(centres.shape, generator=generator)


def _pairs(*names: str) -> Kind:
    def draw(batch: int, noise: float, generator: Generator) -> Inputs:
        centres = torch.randn(batch, SIZE, generator=generator)
        return {name: _noisy(centres, noise, generator) for name in names}

    def shuffle(inputs: Inputs, generator: Generator) -> Inputs:
        order = torch.randperm(len(inputs[names[0]]), generator=generator)
        return {name: inputs[name][order] for name in names}

    return Kind(draw, shuffle)


def _draw_mixtures(batch: int, noise: float, generator: Generator) -> Inputs:
    centres = torch.randn(batch, SIZE, generator=generator)
    owners = torch.tensor([number for number in range(batch) for _ in range(1 + number % 3)])
    return {
        "mixtures": _noisy(centres, noise, generator),
        "notes": _noisy(centres[owners], noise, generator),
        "owners": owners,
    }


def _shuffle_mixtures(inputs: Inputs, generator: Generator) -> Inputs:
    mixtures = torch.randperm(len(inputs["mixtures"]), generator=generator)
    notes = torch.randperm(len(inputs["notes"]), generator=generator)
    return {
        "mixtures": inputs["mixtures"][mixtures],
        "notes": inputs["notes"][notes],
        "owners": mixtures.argsort()[inputs["owners"]][notes],
    }


def _draw_labelled(batch: int, noise: float, generator: Generator) -> Inputs:
    labels = torch.arange(batch).repeat(2)
    centres = torch.randn(batch, SIZE, generator=generator)[labels]
    return {"embeddings": _noisy(centres, noise, generator), "labels": labels}


def _shuffle_labelled(inputs: Inputs, generator: Generator) -> Inputs:
    order = torch.randperm(len(inputs["labels"]), generator=generator)
    return {name: value[order] for name, value in inputs.items()}


def _draw_proxies(batch: int, noise: float, generator: Generator) -> Inputs:
    proxies = torch.randn(2 * batch, SIZE, generator=generator)
    instruments = torch.randperm(2 * batch, generator=generator)[:batch]
    embeddings = _noisy(proxies[instruments], noise, generator)
    return {"embeddings": embeddings, "proxies": proxies, "instruments": instruments}


def _shuffle_proxies(inputs: Inputs, generator: Generator) -> Inputs:
    order = torch.randperm(len(inputs["embeddings"]), generator=generator)
    proxies = torch.randperm(len(inputs["proxies"]), generator=generator)
    return {
        "embeddings": inputs["embeddings"][order],
        "proxies": inputs["proxies"][proxies],
        "instruments": proxies.argsort()[inputs["instruments"]][order],
    }


PAIRS = _pairs("anchors", "positives")
MIXTURES = Kind(_draw_mixtures, _shuffle_mixtures)
CASES: Mapping[Loss, Kind] = {
    pair_triplet: PAIRS,
    pair_infonce: PAIRS,
    cosine_to_targets: _pairs("embeddings", "targets"),
    mix_triplet: MIXTURES,
    full_triplet: MIXTURES,
    mix_infonce: MIXTURES,
    full_infonce: MIXTURES,
    supervised_contrastive: Kind(_draw_labelled, _shuffle_labelled),
    proxy_cross_entropy: Kind(_draw_proxies, _shuffle_proxies),
}
TRIPLETS = (pair_triplet, mix_triplet, full_triplet)
WITH_TEMPERATURE = [loss for loss in CASES if "temperature" in loss.__annotations__]

every_loss = pytest.mark.parametrize("loss", CASES)


def _inputs(loss: Loss, *, batch: int = 6, noise: float = 1.0, seed: int = 0) -> Inputs:
    return CASES[loss].draw(batch, noise, Generator().manual_seed(seed))


def _change(inputs: Inputs, change: Callable[[Tensor], Tensor]) -> Inputs:
    """Change the embeddings, not the indices."""
    return {
        name: change(value) if value.is_floating_point() else value
        for name, value in inputs.items()
    }


def _gradients(loss: Loss, inputs: Inputs) -> tuple[Tensor, ...]:
    """With respect to every embedding."""
    leaves = _change(inputs, lambda x: x.clone().requires_grad_())
    return torch.autograd.grad(
        loss(**leaves), [value for value in leaves.values() if value.requires_grad]
    )


@every_loss
@pytest.mark.parametrize("batch", [2, 6])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_finite_scalar_in_the_embeddings_precision(
    loss: Loss, batch: int, dtype: torch.dtype
) -> None:
    value = loss(**_change(_inputs(loss, batch=batch), lambda x: x.to(dtype)))
    assert value.shape == ()
    assert value.dtype == dtype
    assert value.isfinite()
    assert value > 0


@every_loss
def test_gradients_reach_every_embedding(loss: Loss) -> None:
    for gradient in _gradients(loss, _inputs(loss)):
        assert gradient.isfinite().all()
        assert gradient.abs().sum() > 0


@every_loss
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_gradients_are_finite_where_embeddings_coincide(loss: Loss, value: float) -> None:
    """As after a collapse, where a distance or a norm has no derivative."""
    inputs = _change(_inputs(loss), partial(torch.full_like, fill_value=value))
    assert all(gradient.isfinite().all() for gradient in _gradients(loss, inputs))


@every_loss
def test_the_order_of_the_batch_does_not_matter(loss: Loss) -> None:
    inputs = _inputs(loss)
    shuffled = CASES[loss].shuffle(inputs, Generator().manual_seed(1))
    assert any(not torch.equal(inputs[name], shuffled[name]) for name in inputs)
    torch.testing.assert_close(loss(**shuffled), loss(**inputs))


@every_loss
def test_better_embeddings_cost_less(loss: Loss) -> None:
    for seed in range(3):
        good, bad = (_inputs(loss, noise=noise, seed=seed) for noise in (GOOD, BAD))
        assert loss(**good) < loss(**bad)


@every_loss
def test_the_arguments_stay_as_they_were(loss: Loss) -> None:
    inputs = _inputs(loss)
    before = {name: value.clone() for name, value in inputs.items()}
    loss(**inputs)
    assert all(torch.equal(inputs[name], before[name]) for name in inputs)


@pytest.mark.parametrize("loss", [loss for loss in CASES if loss not in TRIPLETS])
def test_cosine_losses_do_not_see_the_length_of_embeddings(loss: Loss) -> None:
    inputs = _inputs(loss)
    longer = _change(inputs, lambda x: 7 * x)
    torch.testing.assert_close(loss(**longer), loss(**inputs))


@pytest.mark.parametrize("loss", TRIPLETS)
def test_triplets_do_not_see_where_the_origin_is(loss: Loss) -> None:
    inputs = _inputs(loss)
    moved = _change(inputs, lambda x: x + 5)
    torch.testing.assert_close(loss(**moved), loss(**inputs))


def test_losses_of_cosines_have_a_temperature() -> None:
    assert set(WITH_TEMPERATURE) == set(CASES) - {*TRIPLETS, cosine_to_targets}


@pytest.mark.parametrize("loss", WITH_TEMPERATURE)
def test_the_temperature_can_be_learned(loss: Loss) -> None:
    temperature = torch.tensor(0.2, requires_grad=True)
    value = loss(**_inputs(loss), temperature=temperature)
    torch.testing.assert_close(value, loss(**_inputs(loss), temperature=0.2))
    (gradient,) = torch.autograd.grad(value, temperature)
    assert gradient.isfinite()
    assert gradient != 0
