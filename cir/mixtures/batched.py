"""Many plans become sound at once, on any device; each sounds as `render_plan` plays it."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from cir.errors import InputError
from cir.mixtures.decode import INT16_SCALE
from cir.mixtures.device_notes import DeviceNotes
from cir.mixtures.effects import apply_effects
from cir.mixtures.flat_notes import add_notes
from cir.mixtures.plan import MixturePlan, PlacedNote, StemPlan
from cir.mixtures.render import PEAK
from cir.types import FloatArray

_LEAST_PEAK = 1e-9


def render_batch(plans: Sequence[MixturePlan], notes: DeviceNotes) -> Tensor:
    """Play mixtures of one length, float32, (B, T), on the device of the notes.

    Raises:
        InputError: There is no plan, or they differ in length.
    """
    _check_lengths(plans)
    render = _render_on_host if notes.device.type == "cpu" else render_on_device
    return apply_effects(render(plans, notes), [plan.effects for plan in plans])


def render_on_device(plans: Sequence[MixturePlan], notes: DeviceNotes) -> Tensor:
    """All notes of all mixtures at once, without effects, (B, T)."""
    stems = [stem for plan in plans for stem in plan.stems]
    sounds = _play_on_device(stems, notes, plans[0].n_samples)
    owners = np.repeat(np.arange(len(plans)), [len(plan.stems) for plan in plans])
    mixes = sounds.new_zeros(len(plans), sounds.shape[1])
    mixes.index_add_(0, torch.from_numpy(owners).to(notes.device), sounds)
    return mixes * (PEAK / mixes.abs().amax(1, keepdim=True).clamp_min(_LEAST_PEAK))


def _play_on_device(stems: Sequence[StemPlan], notes: DeviceNotes, n_samples: int) -> Tensor:
    """All notes of all stems at once, (S, T)."""
    sounds = add_notes([stem.notes for stem in stems], notes, n_samples)
    gains = torch.tensor([PEAK * 10 ** (stem.gain_db / 20) for stem in stems], device=notes.device)
    peaks = sounds.abs().amax(1)
    sounds *= torch.where(peaks > 0, gains / peaks, 0.0).unsqueeze(1)
    return sounds


def _check_lengths(plans: Sequence[MixturePlan]) -> None:
    lengths = {plan.n_samples for plan in plans}
    if len(lengths) != 1:
        raise InputError(
            f"A batch is made of mixtures of one length, got lengths of {sorted(lengths)} samples."
        )


def _render_on_host(plans: Sequence[MixturePlan], notes: DeviceNotes) -> Tensor:
    """Mixture by mixture, which a processor's cache likes better, (B, T)."""
    mixes = np.zeros((len(plans), plans[0].n_samples), np.float32)
    stem_sound = np.empty(plans[0].n_samples, np.float32)
    for mix, plan in zip(mixes, plans, strict=True):
        for stem in plan.stems:
            stem_sound.fill(0)
            _add_stem(stem_sound, stem, notes)
            mix += stem_sound
        mix *= np.float32(PEAK / max(_peak(mix), _LEAST_PEAK))
    return torch.from_numpy(mixes)


def _add_stem(track: FloatArray, stem: StemPlan, notes: DeviceNotes) -> None:
    """Play a stem at its own level into silence, (T,); one without a sound stays silent."""
    for placed in stem.notes:
        _add_note(track, placed, notes)
    peak = _peak(track)
    if peak > 0:
        track *= np.float32(PEAK / peak * 10 ** (stem.gain_db / 20))


def _add_note(track: FloatArray, placed: PlacedNote, notes: DeviceNotes) -> None:
    pool = notes.pool
    row, start, length, fade, gain = placed
    first, end = pool.starts[row], pool.starts[row + 1]
    played = min(length, int(end - first))
    heard = min(played, len(track) - start)
    stored = pool.samples[first : first + heard]
    sound = np.multiply(stored, pool.gains[row] * np.float32(gain / INT16_SCALE), dtype=np.float32)
    fade = min(fade, played)
    faded = heard - (played - fade)
    if length < end - first and faded > 0:
        ramp = np.arange(fade - 1, fade - 1 - faded, -1, dtype=np.float32)
        ramp /= fade
        sound[heard - faded :] *= ramp
    track[start : start + heard] += sound


def _peak(audio: FloatArray) -> float:
    return max(float(audio.max()), -float(audio.min()))
