"""Muon for processors that compute in bfloat16 slowly."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.optim import Muon


class PreciseMuon(Muon):
    """torch's Muon, but updates are made orthogonal in float32 instead of bfloat16.

    A processor without instructions for bfloat16 takes 20 to 100 times as long for such products,
    and then most of a step goes into them. States and groups are those of torch's.
    """

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Move every matrix that has a gradient."""
        assert closure is None
        for group in self.param_groups:
            for matrix in group["params"]:
                if matrix.grad is None:
                    continue
                state = self.state[matrix]
                if not state:
                    state["momentum_buffer"] = torch.zeros_like(matrix)
                mean = state["momentum_buffer"]
                mean.lerp_(matrix.grad, 1 - group["momentum"])
                update = orthogonalise(
                    matrix.grad.lerp(mean, group["momentum"]),
                    group["ns_coefficients"],
                    group["ns_steps"],
                    group["eps"],
                )
                n_out, n_in = matrix.shape
                rate = group["lr"] * math.sqrt(max(1.0, n_out / n_in))
                matrix.mul_(1 - group["lr"] * group["weight_decay"])
                matrix.add_(update, alpha=-rate)


def orthogonalise(
    matrix: Tensor, coefficients: tuple[float, float, float], n_steps: int, eps: float
) -> Tensor:
    """Bring the singular values of a matrix near 1, by the iteration of Newton and Schulz.

    As in Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks": after five
    steps those that were not near 0 lie between about 0.7 and 1.2.

    Args:
        matrix: (M, N).
        coefficients: Of the odd polynomial of degree five that is applied in each step.
        n_steps: How often.
        eps: The least norm that a matrix is divided by at first.
    """
    is_tall = len(matrix) > matrix.shape[1]
    result = matrix.T if is_tall else matrix
    result = result / result.norm().clamp_min(eps)
    first, third, fifth = coefficients
    for _ in range(n_steps):
        gram = result @ result.T
        change = torch.addmm(gram, gram, gram, beta=third, alpha=fifth)
        result = torch.addmm(result, change, result, beta=first)
    return result.T if is_tall else result
