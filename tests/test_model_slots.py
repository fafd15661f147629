"""Slots of many windows become one answer per instrument."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from cir.errors import InputError
from cir.model.config import EncoderConfig
from cir.model.encoder import TimbreEncoder
from cir.model.slots import merge_windows

SIZE = 16


def directions(count: int, seed: int = 0) -> Tensor:
    """Orthonormal rows."""
    generator = torch.Generator().manual_seed(seed)
    rows: Tensor = torch.linalg.qr(torch.randn(SIZE, count, generator=generator)).Q.T
    return rows


def test_one_window_is_itself() -> None:
    slots, presence = directions(3) * 7, torch.tensor([0.9, 0.1, 0.0])
    merged, present = merge_windows(slots[None], presence[None])
    torch.testing.assert_close(merged, directions(3))
    torch.testing.assert_close(present, presence)


@pytest.mark.parametrize("seed", range(5))
def test_shuffled_windows_are_put_in_order(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    true, presence = directions(4), torch.tensor([0.9, 0.8, 0.95, 0.05])
    orders = [torch.arange(4)] + [torch.randperm(4, generator=generator) for _ in range(4)]
    noise = 0.05 * torch.randn(5, 4, SIZE, generator=generator)
    windows = torch.stack([true[order] for order in orders]) + noise
    merged, present = merge_windows(windows, torch.stack([presence[order] for order in orders]))
    # The silent one has no say in the order, and none is asked of it.
    assert (merged * true).sum(-1)[:3].min() > 0.98
    torch.testing.assert_close(present, presence)


def test_a_silent_slot_does_not_pull() -> None:
    a, b = directions(2)
    # By cosine alone the second window would be swapped: 0.8 + 0.6 is more than 0.7 + 0.1.
    first = torch.stack([a, b])
    loud = normalize(0.7 * a + 0.6 * b + 0.4 * directions(3)[2], dim=0)
    silent = normalize(0.8 * a + 0.1 * b, dim=0)
    presence = torch.tensor([[0.9, 0.02], [0.9, 0.02]])
    merged, _ = merge_windows(torch.stack([first, torch.stack([loud, silent])]), presence)
    torch.testing.assert_close(merged[0], normalize(a + loud, dim=0))


def test_an_instrument_that_enters_later_takes_an_empty_slot() -> None:
    bass, lead, drum = directions(3)
    windows = torch.stack([torch.stack([bass, lead, lead]), torch.stack([drum, bass, bass])])
    presence = torch.tensor([[0.9, 0.9, 0.01], [0.9, 0.9, 0.01]])
    merged, present = merge_windows(windows, presence)
    assert merged[0] @ bass > 0.99 and merged[1] @ lead > 0.99 and merged[2] @ drum > 0.98
    assert present.min() == 0.9


def test_presence_weighs_the_mean_and_the_surest_window_counts() -> None:
    a, b = directions(2)
    windows = torch.stack([a, normalize(a + 0.5 * b, dim=0)])[:, None]
    merged, present = merge_windows(windows, torch.tensor([[0.9], [0.3]]))
    expected = normalize(0.9 * windows[0, 0] + 0.3 * windows[1, 0], dim=0)
    torch.testing.assert_close(merged[0], expected)
    assert present.item() == pytest.approx(0.9)


def test_silence_throughout_still_has_a_direction() -> None:
    merged, present = merge_windows(directions(2)[None].repeat(3, 1, 1), torch.zeros(3, 2))
    torch.testing.assert_close(merged.norm(dim=-1), torch.ones(2))
    assert not present.any()


@pytest.fixture(scope="module")
def encoder() -> TimbreEncoder:
    config = EncoderConfig(
        hidden_size=32,
        n_layers=1,
        n_heads=2,
        note_frames=32,
        mixture_frames=64,
        families=("bass", "organ"),
        n_slots=3,
        presence=True,
    )
    return TimbreEncoder.from_config(config, seed=3)


def sounds(*lengths: int) -> list[np.ndarray[tuple[int], np.dtype[np.float32]]]:
    generator = np.random.default_rng(0)
    return [generator.standard_normal(length).astype(np.float32) for length in lengths]


def test_encoder_gives_unit_slots_and_probabilities(encoder: TimbreEncoder) -> None:
    mixtures = sounds(8000, 60_000)
    slots, sure = encoder.embed_slots(mixtures, 16_000)
    assert slots.shape == (2, 3, 32) and sure.shape == (2, 3)
    np.testing.assert_allclose(np.linalg.norm(slots, axis=2), 1, atol=1e-5)
    families = encoder.presence(mixtures, 16_000)
    assert families.shape == (2, 2)
    for probability in (sure, families):
        assert 0 < probability.min() < probability.max() < 1
    alone, sure_alone = encoder.embed_slots(mixtures[1:], 16_000)
    np.testing.assert_allclose(alone[0], slots[1], atol=1e-5)
    np.testing.assert_allclose(sure_alone[0], sure[1], atol=1e-5)


def test_short_mixtures_are_what_the_network_says(encoder: TimbreEncoder) -> None:
    (sound,) = sounds(encoder.config.mixture_samples)
    with torch.no_grad():
        output = encoder.network.listen(encoder.network.features(torch.from_numpy(sound)[None]))
    slots, sure = encoder.embed_slots([sound], 16_000)
    np.testing.assert_allclose(slots[0], normalize(output.slots, dim=-1)[0], atol=1e-5)
    np.testing.assert_allclose(sure[0], output.slot_presence.sigmoid()[0], atol=1e-5)
    families = encoder.presence([sound], 16_000)
    np.testing.assert_allclose(families[0], output.query_presence.sigmoid()[0], atol=1e-5)


def test_saved_and_loaded_it_has_the_same_slots(
    encoder: TimbreEncoder, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("model")
    encoder.save_pretrained(folder)
    loaded = TimbreEncoder.from_pretrained(folder, device="cpu")
    assert loaded.identity == encoder.identity and "3 open slots" in loaded.card
    (mixture,) = sounds(30_000)
    for found, expected in zip(
        loaded.embed_slots([mixture], 16_000), encoder.embed_slots([mixture], 16_000), strict=True
    ):
        np.testing.assert_allclose(found, expected, atol=2e-3)


def test_models_without_say_so_at_once() -> None:
    plain = TimbreEncoder.from_config(
        EncoderConfig(hidden_size=32, n_layers=1, n_heads=2, families=("bass",))
    )
    with pytest.raises(InputError, match="no open slots"):
        plain.embed_slots(sounds(8000), 16_000)
    with pytest.raises(InputError, match="does not tell which families"):
        plain.presence(sounds(8000), 16_000)
