"""The Timbre Toolbox as an encoder."""

from typing import ClassVar

from cir.baselines.descriptors import DescriptorEncoder
from cir.baselines.timbre_toolbox.description import NAMES, describe
from cir.types import FloatArray


class TimbreToolboxEncoder(DescriptorEncoder):
    """Timbre descriptors of envelope, spectrum and partials, z-scored, D = 78."""

    name: ClassVar[str] = "Timbre Toolbox"
    version: ClassVar[str] = f"timbre-toolbox-{len(NAMES)}"
    descriptors: ClassVar[int] = len(NAMES)

    @staticmethod
    def describe(sound: FloatArray, sample_rate: int) -> FloatArray:
        """See `cir.baselines.timbre_toolbox.description`."""
        return describe(sound, sample_rate)
