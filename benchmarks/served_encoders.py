"""Faster copies of a model for serving.

ONNX Runtime is not included: export and int8 need onnx and onnxscript, which this project does not
install.
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
    """Return a copy whose linear layers multiply 8-bit integers.

    Weights are rounded once, with a scale for each output; activations are rounded with a scale for
    each batch. Patches, norms and the attention of the heads stay float32, since torch cannot round
    `nn.MultiheadAttention` this way.
    """

    def __init__(self, original: TimbreEncoder) -> None:
        """Copy the original."""
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
        """The original's identity with a mark, since packed integers cannot be hashed."""
        return f"{self._original}-int8"


def compiled_copy(original: TimbreEncoder) -> TimbreEncoder:
    """Return a copy that embeds log-mels by torch.compile.

    It compiles at the first call, and again for another number of threads.
    """
    network = copy.deepcopy(original.network)
    network.listen = torch.compile(network.listen)  # type: ignore[method-assign]
    return TimbreEncoder(network, card=original.card)


def can_compile() -> bool:
    """Return whether a C++ compiler for torch.compile is installed."""
    return shutil.which("g++") is not None
