"""Note lengths of the paper's mixtures."""

import numpy as np

#: Probabilities of half, quarter, eighth and sixteenth notes.
NOTE_LENGTHS: dict[str, tuple[float, float, float, float]] = {
    "percussion": (0.0, 0.8, 0.2, 0.0),
    "bass": (0.45, 0.4, 0.1, 0.05),
}
OTHER_NOTE_LENGTHS = (0.1, 0.3, 0.3, 0.3)
QUARTERS = np.array([2.0, 1.0, 0.5, 0.25])
