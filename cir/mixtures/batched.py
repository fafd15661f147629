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


def render_with_stems(plans: Sequence[MixturePlan], notes: DeviceNotes) -> tuple[Tensor, Tensor]:
    """Mixtures as `render_batch` plays them, (B, T), and the stems in them, (S, T).

    Stems are scaled like their mix: they sum to it where its plan has no effects.

    Raises:
        InputError: There is no plan, or they differ in length.
    """
    _check_lengths(plans)
    stems, owners = _render_stems(plans, notes)
    mixes = _add_up(stems, owners, len(plans))
    scales = PEAK / mixes.abs().amax(1, keepdim=True).clamp_min(_LEAST_PEAK)
    wet = apply_effects(mixes * scales, [plan.effects for plan in plans])
    return wet, stems * scales[owners]


def render_on_device(plans: Sequence[MixturePlan], notes: DeviceNotes) -> Tensor:
    """All notes of all mixtures at once, without effects, (B, T)."""
    stems = [stem for plan in plans for stem in plan.stems]
    sounds = _play_on_device(stems, notes, plans[0].n_samples)
    mixes = _add_up(sounds, _owners(plans, notes), len(plans))
    return mixes * (PEAK / mixes.abs().amax(1, keepdim=True).clamp_min(_LEAST_PEAK))


def _render_stems(plans: Sequence[MixturePlan], notes: DeviceNotes) -> tuple[Tensor, Tensor]:
    """All stems at their own levels, (S, T), and the number of each one's mixture, (S,)."""
    stems = [stem for plan in plans for stem in plan.stems]
    play = _play_on_host if notes.device.type == "cpu" else _play_on_device
    return play(stems, notes, plans[0].n_samples), _owners(plans, notes)


def _owners(plans: Sequence[MixturePlan], notes: DeviceNotes) -> Tensor:
    owners = np.repeat(np.arange(len(plans)), [len(plan.stems) for plan in plans])
    return torch.from_numpy(owners).to(notes.device)


def _play_on_device(stems: Sequence[StemPlan], notes: DeviceNotes, n_samples: int) -> Tensor:
    """All notes of all stems at once, (S, T)."""
    sounds = add_notes([stem.notes for stem in stems], notes, n_samples)
    gains = torch.tensor([PEAK * 10 ** (stem.gain_db / 20) for stem in stems], device=notes.device)
    peaks = sounds.abs().amax(1)
    sounds *= torch.where(peaks > 0, gains / peaks, 0.0).unsqueeze(1)
    return sounds


def _play_on_host(stems: Sequence[StemPlan], notes: DeviceNotes, n_samples: int) -> Tensor:
    """Note by note: far less traffic than indices, (S, T)."""
    sounds = np.zeros((len(stems), n_samples), np.float32)
    for sound, stem in zip(sounds, stems, strict=True):
        _add_stem(sound, stem, notes)
    return torch.from_numpy(sounds)


def _check_lengths(plans: Sequence[MixturePlan]) -> None:
    lengths = {plan.n_samples for plan in plans}
    if len(lengths) != 1:
        raise InputError(
            f"A batch is made of mixtures of one length, got lengths of {sorted(lengths)} samples."
        )


def _add_up(stems: Tensor, owners: Tensor, n_mixtures: int) -> Tensor:
    """Stems (S, T) become mixtures (B, T)."""
    return stems.new_zeros(n_mixtures, stems.shape[1]).index_add_(0, owners, stems)


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
