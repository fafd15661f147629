"""Copies of a model that could be served in its place.

ONNX Runtime is not among it: torch exports to it only with onnx and onnxscript, and its own int8
needs onnx too; neither comes with what this project installs.
"""

import copy
import shutil
import warnings
from functools import cached_property

import torch
from torch import nn
from torch.ao.quantization import per_channel_dynamic_qconfig, quantize_dynamic

from cir.model.encoder import TimbreEncoder


class Int8Encoder(TimbreEncoder):
    """A copy whose linear layers multiply 8-bit integers.

    Weights are rounded once, with a scale for each output; what they are multiplied with is rounded
    as it comes, with a scale for each batch. All else stays float32: patches, norms, and the
    attention of the heads, since torch cannot round `nn.MultiheadAttention` this way.
    """

    def __init__(self, original: TimbreEncoder) -> None:
        """Copy; the original stays as it is."""
        with warnings.catch_warnings():
            # torch 2.13 sends people to torchao, which would be one more package.
            warnings.simplefilter("ignore")
            network = quantize_dynamic(  # type: ignore[no-untyped-call]
                original.network, {nn.Linear: per_channel_dynamic_qconfig}
            )
        super().__init__(network, card=original.card)
        self._original = original.identity

    @cached_property
    def identity(self) -> str:
        """The original's, marked: packed integers are no tensors that could be hashed as theirs."""
        return f"{self._original}-int8"


def compiled_copy(original: TimbreEncoder) -> TimbreEncoder:
    """A copy whose way from log-mels to embeddings goes through torch.compile.

    It compiles when it is first called, and again for another number of threads.
    """
    network = copy.deepcopy(original.network)
    network.listen = torch.compile(network.listen)  # type: ignore[method-assign]
    return TimbreEncoder(network, card=original.card)


def can_compile() -> bool:
    """Whether there is the compiler that torch.compile writes C++ for."""
    return shutil.which("g++") is not None
