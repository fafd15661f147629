"""A made-up calibration, and databases that have it whatever their model."""

from collections import Counter
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from cir.index.calibration import Calibration
from cir.index.chances import ChanceLevels, ChanceModel
from cir.index.database import InstrumentDatabase
from cir.index.likeness import Likeness
from cir.index.novelty import NoveltyModel
from cir.types import Judgement

SCALE = 4.0
"""Chances are in proportion to exp(SCALE * similarity), but for the steps of the levels."""

LEVELS = ChanceLevels(tuple(np.arange(1_000) / 1_000), tuple(np.arange(1_000) / 1_000))


class NoBass(Calibration):
    """Says of every bass that it is absent, and of nothing else."""

    def judge(self, similarities: ArrayLike, family: str | None, top_k: int) -> Judgement:
        judgement = super().judge(similarities, family, top_k)
        if family != "bass":
            return judgement
        return replace(judgement, is_absent=True, chances=(), top_1=None, top_5=None)


class CalibratedDatabase(InstrumentDatabase):
    """Has a calibration that is stored nowhere."""

    @property
    def calibration(self) -> Calibration:
        return NoBass(
            self.identity,
            about="nothing at all",
            candidates=Counter(one.family for one in self.instruments() if one.family),
            chance=ChanceModel(scale=SCALE, scale_per_gap=0.0, scale_per_best=0.0, rank_decay=0.0),
            levels=LEVELS,
            first_levels=LEVELS,
            likeness=Likeness(),
            novelty=NoveltyModel(intercept=0.0, best=0.0, lead=0.0, mean=0.0, log_n=0.0),
            threshold=0.5,
            false_alarm_rate=0.1,
        )
