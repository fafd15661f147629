"""Slots are shared out among families, one to one."""

from collections.abc import Iterator, Sequence
from itertools import permutations

import numpy as np
import pytest

from cir.errors import InputError
from cir.model.config import EncoderConfig
from cir.model.encoder import TimbreEncoder
from cir.model.slot_families import SlotFamilies, assign_slots
from cir.types import Encoder, FloatArray, Progress
from tests.fakes import SpectrumEncoder, tone, unit_vectors

RATE = 16_000
FAMILIES = ("percussion", "bass", "organ")
SIZE = 32


class FixedSlots(SpectrumEncoder):
    """Hears the same slots in every mixture."""

    def __init__(self, slots: FloatArray, presence: Sequence[float]) -> None:
        super().__init__(SIZE)
        self.slots, self.sure = slots, np.asarray(presence, np.float32)

    def embed_slots(
        self,
        sounds: Sequence[FloatArray],
        sample_rate: int,
        *,
        progress: Progress | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        repeats = (len(sounds), 1)
        return np.tile(self.slots, (*repeats, 1)), np.tile(self.sure, repeats)


def directions(count: int, seed: int = 0) -> FloatArray:
    """Orthonormal rows."""
    generator = np.random.default_rng(seed)
    columns, _ = np.linalg.qr(generator.standard_normal((SIZE, count)))
    return np.asarray(columns.T, dtype=np.float32)


def near(vector: FloatArray, seed: int) -> FloatArray:
    noise = unit_vectors(np.random.default_rng(seed), 1, SIZE)[0]
    moved = vector + 0.3 * noise
    return np.asarray(moved / np.linalg.norm(moved), dtype=np.float32)


def ask(
    slots: FloatArray, presence: Sequence[float], families: Sequence[str] = FAMILIES
) -> FloatArray:
    """What one mixture gives for each family; centroids are orthogonal."""
    encoder = SlotFamilies(FixedSlots(slots, presence), FAMILIES, directions(3))
    (answers,) = encoder.embed_mixtures([tone(200)], RATE, families)
    return np.asarray(answers)


def test_every_family_gets_the_slot_that_is_like_it() -> None:
    slots = np.stack([near(row, seed) for seed, row in enumerate(directions(3))])
    shuffled = slots[[2, 0, 1]]
    np.testing.assert_array_equal(ask(shuffled, [0.9, 0.9, 0.9]), slots)
    np.testing.assert_array_equal(ask(shuffled, [0.9] * 3, ["organ", "percussion"]), slots[[2, 0]])


def test_no_slot_is_given_twice() -> None:
    a, b, c = directions(3)
    # Both of the first two are best for percussion; the second can do without.
    slots = np.stack([0.9 * a + 0.1 * b, 0.8 * a + 0.6 * b, c]).astype(np.float32)
    np.testing.assert_array_equal(ask(slots, [0.9, 0.9, 0.9]), slots)


def test_a_slot_that_heard_nothing_goes_to_nobody() -> None:
    a, b, c = directions(3)
    slots = np.stack([a, near(a, 1), b, c])
    np.testing.assert_array_equal(ask(slots, [0.0, 0.9, 0.9, 0.9]), slots[1:])


def test_families_without_a_slot_get_the_best_of_the_others() -> None:
    a, b, _ = directions(3)
    found = ask(np.stack([b, a]), [0.9, 0.9])
    np.testing.assert_array_equal(found[:2], [a, b])
    assert found[2].tolist() in (a.tolist(), b.tolist())
    assert assign_slots(np.array([[0.1], [0.9], [0.5]], np.float32)).tolist() == [0, 0, 0]


@pytest.mark.parametrize(("n_families", "n_slots"), [(1, 4), (3, 3), (3, 5), (4, 2)])
def test_assignment_equals_the_naive_oracle(n_families: int, n_slots: int) -> None:
    generator = np.random.default_rng(0)
    for _ in range(20):
        gains = generator.standard_normal((n_families, n_slots)).astype(np.float32)
        n_pairs = min(n_families, n_slots)
        best, winner = -np.inf, gains.argmax(1)
        for rows in permutations(range(n_families), n_pairs):
            for columns in permutations(range(n_slots), n_pairs):
                total = float(gains[list(rows), list(columns)].sum())
                if total > best + 1e-6:
                    best, winner = total, gains.argmax(1)
                    winner[list(rows)] = columns
        np.testing.assert_array_equal(assign_slots(gains), winner)


def references() -> tuple[list[FloatArray], list[str | None]]:
    sounds = [tone(hertz) for hertz in (900, 1000, 1100, 80, 90, 300)]
    return sounds, ["percussion", "percussion", None, "bass", "bass", "organ"]


def fit(progress: Progress | None = None) -> SlotFamilies:
    sounds, families = references()
    encoder = FixedSlots(SpectrumEncoder(SIZE).embed([tone(85), tone(950)], RATE), [0.9, 0.9])
    return SlotFamilies.fit(encoder, iter(sounds), families, RATE, progress)


def test_fitted_on_references_it_tells_slots_apart() -> None:
    fitted: Encoder = fit()
    assert fitted.families == FAMILIES and fitted.embedding_size == SIZE
    found = fitted.embed_mixtures([tone(1), tone(2)], RATE, ["percussion", "bass"])
    expected = SpectrumEncoder(SIZE).embed([tone(950), tone(85)], RATE)
    np.testing.assert_allclose(found, np.stack([expected, expected]), atol=1e-6)
    np.testing.assert_array_equal(fitted.embed([tone(9)], RATE), fit().embed([tone(9)], RATE))


def test_centroids_are_mean_directions() -> None:
    sounds, _ = references()
    rows = SpectrumEncoder(SIZE).embed(sounds, RATE)
    expected = np.stack([rows[[0, 1]].mean(0), rows[[3, 4]].mean(0), rows[5]])
    same = SlotFamilies(fit()._encoder, FAMILIES, expected)
    np.testing.assert_allclose(same._centroids, fit()._centroids, atol=1e-6)


def test_identity_follows_model_and_centroids() -> None:
    encoder = FixedSlots(directions(3), [0.9] * 3)
    first = SlotFamilies(encoder, FAMILIES, directions(3))
    assert first.identity == SlotFamilies(encoder, FAMILIES, 2 * directions(3)).identity
    others = [
        SlotFamilies(encoder, FAMILIES, directions(3, seed=1)),
        SlotFamilies(encoder, ("voice", "bass", "organ"), directions(3)),
    ]
    assert len({first.identity, encoder.identity, *(one.identity for one in others)}) == 4


def test_progress_reaches_one() -> None:
    fractions: list[float] = []
    fit(lambda done, _: fractions.append(done))
    assert fractions == [1.0]


def test_a_family_without_references_is_refused() -> None:
    with pytest.raises(InputError, match="family 'voice' was seen; choose among percussion, bass"):
        fit().embed_mixtures([tone(1)], RATE, ["bass", "voice"])


def test_references_and_families_must_match() -> None:
    encoder = FixedSlots(directions(3), [0.9] * 3)
    sounds, families = references()
    with pytest.raises(InputError, match="6 reference sounds came with 7 families"):
        SlotFamilies.fit(encoder, sounds, [*families, "bass"], RATE)
    with pytest.raises(InputError, match="More than 5 reference sounds"):
        SlotFamilies.fit(encoder, sounds, families[:5], RATE)
    with pytest.raises(InputError, match="No reference has a family"):
        SlotFamilies.fit(encoder, sounds[:1], [None], RATE)
    with pytest.raises(InputError, match="Unknown family 'drums'"):
        SlotFamilies.fit(encoder, sounds[:1], ["drums"], RATE)


def test_centroids_must_fit() -> None:
    encoder = FixedSlots(directions(3), [0.9] * 3)
    with pytest.raises(InputError, match="shape"):
        SlotFamilies(encoder, FAMILIES, directions(2))
    with pytest.raises(InputError, match="different families"):
        SlotFamilies(encoder, ("bass", "organ", "bass"), directions(3))


def tiny(n_slots: int) -> TimbreEncoder:
    return TimbreEncoder.from_config(
        EncoderConfig(
            hidden_size=32,
            n_layers=1,
            n_heads=2,
            note_frames=32,
            mixture_frames=64,
            n_slots=n_slots,
        )
    )


def test_a_model_with_slots_is_read_alike_in_any_company() -> None:
    sounds, families = references()
    fitted = SlotFamilies.fit(tiny(3), sounds, families, RATE)
    mixes = [tone(100, 2.0), tone(300, 0.5), tone(900, 1.0)]
    among = fitted.embed_mixtures(mixes, RATE, ["organ", "bass"])
    np.testing.assert_allclose(np.linalg.norm(among, axis=2), 1, atol=1e-5)
    alone = fitted.embed_mixtures(mixes[1:2], RATE, ["organ", "bass"])
    np.testing.assert_allclose(among[1], alone[0], atol=1e-5)


def test_a_model_without_slots_says_so_before_anything_is_embedded() -> None:
    def never() -> Iterator[FloatArray]:
        pytest.fail("read")
        yield tone(1)

    with pytest.raises(InputError, match="no open slots"):
        SlotFamilies.fit(tiny(0), never(), ["bass"], RATE)
