"""Muon for matrices and convolutions, AdamW for everything else."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Muon

_BETAS = (0.9, 0.98)


class MatrixOptimiser:
    """One optimiser to the outside: two rates that rise and fall together.

    Muon (Jordan et al. 2024) makes the update of a matrix orthogonal, so that all its directions
    learn alike. torch's takes matrices alone; a convolution is one of (outputs, inputs x taps), and
    is handed over as a view of that shape.
    """

    def __init__(
        self,
        named: Iterable[tuple[str, nn.Parameter]],
        others: Iterable[nn.Parameter] = (),
        *,
        matrix_rate: float,
        rate: float,
        weight_decay: float,
    ) -> None:
        """Sort the parameters.

        Args:
            named: Of a network; those called `weight` that are matrices in more than name are
                Muon's.
            others: Such as a temperature; AdamW's.
            matrix_rate: Muon's rate at its highest.
            rate: AdamW's.
            weight_decay: Of matrices.
        """
        self._matrices: list[nn.Parameter] = []
        rest: list[nn.Parameter] = []
        for name, parameter in named:
            (self._matrices if _is_matrix(name, parameter) else rest).append(parameter)
        rest += others
        self._views = [nn.Parameter(one.data.flatten(1)) for one in self._matrices]
        self._muon = Muon(self._views, lr=matrix_rate, weight_decay=weight_decay, momentum=0.95)
        fused = all(one.device.type == "cuda" for one in rest)
        self._adam = AdamW(rest, lr=rate, betas=_BETAS, weight_decay=0.0, fused=fused)
        self._parameters = [*self._matrices, *rest]
        self._rates = (matrix_rate, rate)

    def step(self, share: float, *, clip: float) -> Tensor:
        """Take a step and forget the gradients.

        Args:
            share: Of the highest rates, from 0 to 1.
            clip: Longer gradients are shortened to it.

        Returns:
            The length that the gradient had.
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
        """All that it remembers, by name."""
        return {
            f"{kind}.{number}.{name}": torch.as_tensor(value)
            for kind, optimiser in (("muon", self._muon), ("adam", self._adam))
            for number, state in optimiser.state_dict()["state"].items()
            for name, value in state.items()
        }

    def load_state_tensors(self, tensors: dict[str, Tensor]) -> None:
        """Remember what `state_tensors` gave."""
        for kind, optimiser in (("muon", self._muon), ("adam", self._adam)):
            state: dict[int, dict[str, Tensor]] = {}
            for key, value in tensors.items():
                owner, number, name = key.split(".", 2)
                if owner == kind:
                    state.setdefault(int(number), {})[name] = value
            groups = optimiser.state_dict()["param_groups"]
            optimiser.load_state_dict({"state": state, "param_groups": groups})


def _is_matrix(name: str, parameter: nn.Parameter) -> bool:
    """The first convolution, with one input, and norms are none."""
    return name.endswith("weight") and parameter.ndim >= 2 and min(parameter.shape[:2]) > 1
