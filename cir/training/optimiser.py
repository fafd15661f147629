"""Muon for matrices and convolutions, AdamW for everything else."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Muon, Optimizer

from cir.training.checkpoint_tensors import with_prefix
from cir.training.precise_muon import PreciseMuon

_BETAS = (0.9, 0.98)


class MatrixOptimiser:
    """Two optimisers as one, whose rates rise and fall together.

    Muon (Jordan et al. 2024) makes the update of a matrix orthogonal, so that all its directions
    learn at the same rate. torch's takes matrices alone; a convolution is given to it as a view of
    shape (outputs, inputs x taps).
    """

    def __init__(
        self,
        named: Iterable[tuple[str, nn.Parameter]],
        others: Iterable[nn.Parameter] = (),
        *,
        matrix_rate: float,
        rate: float,
        weight_decay: float,
        precision: torch.dtype,
    ) -> None:
        """Sort the parameters.

        Args:
            named: Parameters of a network; Muon gets those called `weight` that are matrices.
            others: Further parameters for AdamW, such as a temperature.
            matrix_rate: Highest rate of Muon.
            rate: Highest rate of AdamW.
            weight_decay: For matrices.
            precision: In which the network is trained: where bfloat16 is slow, float32.
        """
        self._matrices: list[nn.Parameter] = []
        rest: list[nn.Parameter] = []
        for name, parameter in named:
            (self._matrices if _is_matrix(name, parameter) else rest).append(parameter)
        rest += others
        self._views = [nn.Parameter(one.data.flatten(1)) for one in self._matrices]
        muon = Muon if precision == torch.bfloat16 else PreciseMuon
        self._muon = muon(self._views, lr=matrix_rate, weight_decay=weight_decay, momentum=0.95)
        fused = all(one.device.type == "cuda" for one in rest)
        self._adam = AdamW(rest, lr=rate, betas=_BETAS, weight_decay=0.0, fused=fused)
        self._parameters = [*self._matrices, *rest]
        self._rates = (matrix_rate, rate)

    def step(self, share: float, *, clip: float) -> Tensor:
        """Take a step and forget the gradients.

        Args:
            share: Share of the highest rates, 0 to 1.
            clip: Longer gradients are scaled down to this norm.

        Returns:
            The norm of the gradient before that.
        """
        length = nn.utils.clip_grad_norm_(self._parameters, clip)
        for view, parameter in zip(self._views, self._matrices, strict=True):
            view.grad = None if parameter.grad is None else parameter.grad.flatten(1)
        for optimiser, rate in zip((self._muon, self._adam), self._rates, strict=True):
            for group in optimiser.param_groups:
                group["lr"] = share * rate
            optimiser.step()
        for parameter in self._parameters:
            parameter.grad = None
        return length

    def state_tensors(self) -> dict[str, Tensor]:
        """Return all that it remembers, by name."""
        return {
            f"{kind}.{name}": value
            for kind, optimiser in (("muon", self._muon), ("adam", self._adam))
            for name, value in state_tensors(optimiser).items()
        }

    def load_state_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Load what `state_tensors` returned."""
        for kind, optimiser in (("muon.", self._muon), ("adam.", self._adam)):
            load_state_tensors(optimiser, with_prefix(tensors, kind))


def state_tensors(optimiser: Optimizer) -> dict[str, Tensor]:
    """Return the state of an optimiser as named tensors, for safetensors instead of pickles."""
    return {
        f"{number}.{name}": torch.as_tensor(value)
        for number, entry in optimiser.state_dict()["state"].items()
        for name, value in entry.items()
    }


def load_state_tensors(optimiser: Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Load what `state_tensors` returned."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        number, name = key.split(".", 1)
        state.setdefault(int(number), {})[name] = value
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})


def _is_matrix(name: str, parameter: nn.Parameter) -> bool:
    """Return False for norms and for the first convolution, which has one input."""
    return name.endswith("weight") and parameter.ndim >= 2 and min(parameter.shape[:2]) > 1
