"""A .npy file of samples that grows note by note."""

from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.lib.format import write_array_header_1_0
from numpy.typing import NDArray


class SampleFile:
    """Writes an int16 array of unknown length; a context manager.

    NumPy pads headers, so that the one written at the end, with the final length, fits in the place
    of the first.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._n_samples = 0
        self._write_header()

    def append(self, sound: NDArray[np.int16]) -> None:
        """Append a sound, (T,)."""
        self._file.write(np.ascontiguousarray(sound, np.dtype("<i2")).data)
        self._n_samples += len(sound)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._file:
            if error is None:
                self._file.seek(0)
                self._write_header()

    def _write_header(self) -> None:
        shape = (self._n_samples,)
        write_array_header_1_0(self._file, {"descr": "<i2", "fortran_order": False, "shape": shape})
