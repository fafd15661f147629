"""A double of surgepy with the shape of its API and two of its traps.

Sound goes only into the blocks asked for, and a used instance keeps ringing with the last patch.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

BLOCK = 32
instances: list["FakeSurge"] = []


class FakeSurge:
    def __init__(self, sample_rate: float) -> None:
        self.sample_rate = sample_rate
        self.frame = 0
        self.held: dict[int, tuple[int, int]] = {}  # pitch -> (velocity, first frame)
        self.params: dict[str, float] = {"fx_bypass": 0.0}
        self.patches: list[str] = []
        self.log: list[tuple[str, int, int]] = []

    def loadPatch(self, path: str) -> bool:
        self.patches.append(path)
        return Path(path).read_bytes()[:4] == b"CcnK"

    def getPatch(self) -> dict[str, str]:
        return {"fx_bypass": "fx_bypass"}

    def setParamVal(self, param: str, value: float) -> None:
        self.params[param] = value

    def createMultiBlock(self, n_blocks: int) -> NDArray[np.float32]:
        return np.zeros((2, n_blocks * BLOCK), dtype=np.float32)

    def playNote(self, channel: int, key: int, velocity: int, detune: int) -> None:
        self.held[key] = (velocity, self.frame)
        self.log.append(("on", key, self.frame // BLOCK))

    def releaseNote(self, channel: int, key: int, velocity: int) -> None:
        self.held.pop(key, None)
        self.log.append(("off", key, self.frame // BLOCK))

    def processMultiBlock(self, buffer: NDArray[np.float32], start: int, n_blocks: int) -> None:
        if n_blocks <= 0 or (start + n_blocks) * BLOCK > buffer.shape[1]:
            raise ValueError("blocks out of range")
        frames = self.frame + np.arange(n_blocks * BLOCK)
        out = np.zeros(frames.size)
        for key, (velocity, onset) in self.held.items():
            hertz = 440.0 * 2.0 ** ((key - 69) / 12.0)
            seconds = (frames - onset) / self.sample_rate
            out += 2.0 * velocity / 127.0 * np.cos(2.0 * np.pi * hertz * seconds)
        out += 0.5 * (len(self.patches) - 1)  # the leak of a reused instance
        out += 0.01 * (self.params["fx_bypass"] != 3) * (frames % 7)  # "effects"
        buffer[:, start * BLOCK : (start + n_blocks) * BLOCK] = out
        self.frame += n_blocks * BLOCK


def createSurge(sample_rate: float) -> FakeSurge:
    instances.append(FakeSurge(sample_rate))
    return instances[-1]
