"""A preset under construction, and its text in Vital's format.

Controls that are not set stay at Vital's defaults. Their names, ranges and units are those of
`vita.Synth().get_control_details(name)`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cir.engines.vital_generator.samples import silent_sample
from cir.engines.vital_generator.wavetables import sine_table

SYNTH_VERSION = "1.5.5"
_ENVELOPES = 6
_LFOS = 8
_MODULATIONS = 64
_TRIANGLE = ((0.0, 1.0), (0.5, 0.0), (1.0, 1.0))


@dataclass
class Patch:
    """Controls, connections and tables of one preset."""

    controls: dict[str, float] = field(default_factory=dict)
    wavetables: list[dict[str, Any]] = field(default_factory=list)
    sample: dict[str, Any] = field(default_factory=silent_sample)
    _lfos: list[dict[str, Any]] = field(default_factory=list)
    _connections: list[tuple[str, str]] = field(default_factory=list)
    _envelopes: int = 1

    def set(self, prefix: str = "", /, **values: float) -> None:
        """Set controls, `prefix` before each name."""
        self.controls.update({prefix + name: float(value) for name, value in values.items()})

    def modulate(
        self, source: str, destination: str, amount: float, *, bipolar: bool = False
    ) -> None:
        """Connect a source; `amount` is a share of the destination's whole range, -1 to 1."""
        if len(self._connections) == _MODULATIONS:
            return
        self._connections.append((source, destination))
        prefix = f"modulation_{len(self._connections)}_"
        self.set(prefix, amount=min(1.0, max(-1.0, amount)), bipolar=bipolar)

    def add_envelope(
        self, attack: float, decay: float, sustain: float, release: float, *, main: bool = False
    ) -> str | None:
        """Use one more envelope, or set the main one; times in seconds.

        Returns:
            The name of the source, or None where all are in use.
        """
        if not main:
            if self._envelopes == _ENVELOPES:
                return None
            self._envelopes += 1
        name = "env_1" if main else f"env_{self._envelopes}"
        times = {"attack": attack, "decay": decay, "release": release}
        fourth_roots = {key: max(seconds, 0.0) ** 0.25 for key, seconds in times.items()}
        self.set(f"{name}_", sustain=sustain, **fourth_roots)
        return name

    def add_lfo(
        self, points: Sequence[tuple[float, float]], hertz_log2: float, *, smooth: bool, once: bool
    ) -> str | None:
        """Use one more low-frequency oscillator, in hertz and not in beats.

        Args:
            points: Times and values in [0, 1]; a value of 0 is the top.
            hertz_log2: Binary logarithm of its frequency.
            smooth: Curves instead of lines.
            once: It runs once for a note, as an envelope.

        Returns:
            The name of the source, or None where all are in use.
        """
        if len(self._lfos) == _LFOS:
            return None
        self._lfos.append(_lfo(points, smooth))
        name = f"lfo_{len(self._lfos)}"
        self.set(f"{name}_", sync=0, frequency=hertz_log2, sync_type=2 if once else 0)
        return name

    def to_text(self, name: str, style: str) -> str:
        """Return the preset as the text of a .vital file."""
        idle_lfos = [_lfo(_TRIANGLE, False)] * (_LFOS - len(self._lfos))
        idle_connections = [("", "")] * (_MODULATIONS - len(self._connections))
        idle_tables = [sine_table()] * (3 - len(self.wavetables))
        settings: Mapping[str, Any] = {
            **self.controls,
            "lfos": self._lfos + idle_lfos,
            "modulations": [
                {"source": source, "destination": destination}
                for source, destination in self._connections + idle_connections
            ],
            "sample": self.sample,
            "wavetables": self.wavetables + idle_tables,
        }
        preset = {
            "author": "",
            "comments": "",
            "preset_name": name,
            "preset_style": style,
            "settings": settings,
            "synth_version": SYNTH_VERSION,
        }
        return json.dumps(preset, separators=(",", ":"))


def _lfo(points: Sequence[tuple[float, float]], smooth: bool) -> dict[str, Any]:
    return {
        "name": "Drawn",
        "num_points": len(points),
        "points": [round(value, 4) for point in points for value in point],
        "powers": [0.0] * len(points),
        "smooth": smooth,
    }
