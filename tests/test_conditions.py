"""Other conditions: what is done to mixtures against what it means, and the whole protocol."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cir.audio.dsp import rms_db
from cir.datasets.note_bank_dataset import NoteBankDataset
from cir.errors import DataError, InputError
from cir.evaluation import alterations
from cir.evaluation.answers import FamilyAnswers
from cir.evaluation.conditions import evaluate_conditions, stability
from cir.evaluation.gallery import Gallery
from cir.evaluation.mixture_stream import MixtureSet, draw_mixtures
from cir.evaluation.mixtures import evaluate_mixtures
from cir.mixtures.mixture_config import MixtureConfig
from cir.mixtures.plan import CodecPlan, EffectsPlan
from cir.mixtures.pool import NotePool
from cir.mixtures.render import PEAK, Mixture, render_plan
from cir.model.encoder import TimbreEncoder
from cir.model.network_config import EncoderConfig
from cir.types import SAMPLE_RATE, FloatArray
from tests.test_protocols import ConstantEncoder, RandomEncoder, ToneEncoder
from tests.tone_bank import FAMILIES, write_bank
from tests.tone_dataset import ToneDataset

SECONDS = 2.5
SHORT = MixtureSet(6, seed=1, config=MixtureConfig(duration_seconds=SECONDS))


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return Gallery([NoteBankDataset(write_bank(tmp_path_factory.mktemp("banks") / "tones"))])


@pytest.fixture(scope="module")
def pool(gallery: Gallery) -> NotePool:
    return gallery.pool("test", FAMILIES)


@pytest.fixture(scope="module")
def mixture(pool: NotePool) -> Mixture:
    ((_, first),) = next(draw_mixtures(pool, replace(SHORT, n_mixtures=1)))
    return first


@pytest.fixture(scope="module")
def measured(gallery: Gallery) -> dict[str, Any]:
    return evaluate_conditions(ToneEncoder(), gallery, SHORT)


def group_of(result: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = (group for group in result["groups"] if group["name"] == name)
    return dict(found)


def peak_of(audio: FloatArray) -> float:
    return float(np.abs(audio).max())


# What is done to a mixture


@pytest.mark.parametrize("gain_db", [-12.0, 6.0])
def test_the_level_of_one_stem_changes_and_the_rest_stays(
    mixture: Mixture, pool: NotePool, gain_db: float
) -> None:
    changed = alterations.change_level(mixture, 1, gain_db)

    def above_rest_db(one: Mixture) -> float:
        rest = one.mix - one.stems[1]
        return rms_db(one.stems[1]) - rms_db(rest)

    assert above_rest_db(changed) - above_rest_db(mixture) == pytest.approx(gain_db, abs=1e-3)
    rest, before = changed.stems[[0, 2]], mixture.stems[[0, 2]]
    np.testing.assert_allclose(rest / peak_of(rest), before / peak_of(before), atol=1e-6)
    assert peak_of(changed.mix) == pytest.approx(PEAK)
    np.testing.assert_allclose(changed.mix, render_plan(changed.plan, pool).mix, atol=1e-5)


@pytest.mark.parametrize("n_stems", [1, 2, 3])
def test_the_first_instruments_alone_are_what_their_plan_sounds_like(
    mixture: Mixture, pool: NotePool, n_stems: int
) -> None:
    kept = alterations.keep_first(mixture, n_stems)
    assert kept.plan.families == FAMILIES[:n_stems]
    assert kept.plan.instrument_ids == mixture.plan.instrument_ids[:n_stems]
    oracle = render_plan(kept.plan, pool)
    np.testing.assert_allclose(kept.mix, oracle.mix, atol=1e-5)
    np.testing.assert_allclose(kept.stems, oracle.stems, atol=1e-5)


@pytest.mark.parametrize("tilt_db_per_octave", [0.0, alterations.PINK_DB_PER_OCTAVE])
@pytest.mark.parametrize("snr_db", [10.0, 20.0])
def test_noise_has_the_signal_to_noise_ratio_and_the_slope_that_were_asked_for(
    mixture: Mixture, snr_db: float, tilt_db_per_octave: float
) -> None:
    noisy = alterations.add_noise(mixture, snr_db, 7, tilt_db_per_octave=tilt_db_per_octave)
    assert peak_of(noisy.mix) == pytest.approx(PEAK)
    gain = least_squares_gain(mixture.mix, noisy.mix)
    noise = noisy.mix - gain * mixture.mix
    assert rms_db(gain * mixture.mix) - rms_db(noise) == pytest.approx(snr_db, abs=0.2)
    power = np.abs(np.fft.rfft(noise)) ** 2
    hz = np.fft.rfftfreq(len(noise), 1 / SAMPLE_RATE)
    octaves_db = [
        10 * np.log10(power[(hz >= low) & (hz < 2 * low)].mean()) for low in (400, 800, 1600, 3200)
    ]
    slope = np.polyfit(range(len(octaves_db)), octaves_db, 1)[0]
    assert slope == pytest.approx(tilt_db_per_octave, abs=0.7)


def least_squares_gain(before: FloatArray, after: FloatArray) -> np.float32:
    return np.float32(np.dot(before, after) / np.dot(before, before))


def test_noise_is_the_same_for_the_same_seed_and_another_for_another(mixture: Mixture) -> None:
    first, again, other = (alterations.add_noise(mixture, 20.0, seed).mix for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.01


@pytest.mark.parametrize("decay_seconds", [0.5, 1.5])
def test_a_room_decays_by_60_db_in_its_time(mixture: Mixture, decay_seconds: float) -> None:
    click = np.zeros(2 * SAMPLE_RATE, np.float32)
    click[0] = 1.0
    room = alterations.add_reverb(replace(mixture, mix=click), decay_seconds, 0.0, 7).mix
    tail = room[1:] / room[0]
    assert 10 * np.log10(np.square(tail, dtype=np.float64).sum()) == pytest.approx(0.0, abs=0.1)
    window = round(0.1 * decay_seconds * SAMPLE_RATE)
    early, late = (
        rms_db(tail[round(share * decay_seconds * SAMPLE_RATE) :][:window]) for share in (0.2, 0.7)
    )
    assert early - late == pytest.approx(30.0, abs=2.0)


def test_a_low_pass_takes_high_tones_and_leaves_low_ones(mixture: Mixture) -> None:
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE

    def left_db(tone_hz: float) -> float:
        steady = 0.5 * np.sin(2 * np.pi * 500.0 * time)
        tone = 0.25 * np.sin(2 * np.pi * tone_hz * time)
        both = replace(mixture, mix=np.asarray(steady + tone, np.float32))
        spectrum = np.abs(np.fft.rfft(alterations.low_pass(both, 4000.0).mix))
        return float(20 * np.log10(spectrum[round(tone_hz)] / spectrum[500] * 2))

    assert left_db(2000.0) == pytest.approx(0.0, abs=0.5)
    assert left_db(4000.0) == pytest.approx(-3.0, abs=0.5)
    assert left_db(6000.0) < -40.0


def test_loudness_scales_everything(mixture: Mixture) -> None:
    softer = alterations.change_loudness(mixture, -30.0)
    assert rms_db(softer.mix) == pytest.approx(rms_db(mixture.mix) - 30.0, abs=1e-3)
    np.testing.assert_allclose(softer.stems.sum(0), softer.mix, atol=1e-6)


def test_loudness_changes_no_embedding(mixture: Mixture) -> None:
    config = EncoderConfig(hidden_size=16, n_layers=1, n_heads=2, families=FAMILIES)
    encoder = TimbreEncoder.from_config(config)
    softer = alterations.change_loudness(mixture, -30.0)
    loud, soft = encoder.embed_mixtures([mixture.mix, softer.mix], SAMPLE_RATE, FAMILIES)
    np.testing.assert_allclose(soft, loud, atol=1e-5)


@pytest.mark.parametrize("codec", ["mp3", "vorbis", "opus"])
def test_a_codec_is_the_effect_of_a_plan(mixture: Mixture, pool: NotePool, codec: str) -> None:
    coded = alterations.encode(mixture, codec, 0.9)
    plan = replace(mixture.plan, effects=EffectsPlan(codec=CodecPlan(codec, 0.9)))
    np.testing.assert_array_equal(coded.mix, render_plan(plan, pool).mix)
    assert not np.array_equal(coded.mix, mixture.mix)
    assert len(coded.mix) == len(mixture.mix)


# Excerpts


def test_an_excerpt_is_as_long_as_asked_and_a_part_of_the_mixture(mixture: Mixture) -> None:
    excerpt = alterations.cut_excerpt(mixture, 1.0)
    start = alterations.excerpt_start(mixture.stems, SAMPLE_RATE)
    assert excerpt.mix.shape == (SAMPLE_RATE,)
    assert excerpt.stems.shape == (3, SAMPLE_RATE)
    assert excerpt.plan.n_samples == SAMPLE_RATE
    assert peak_of(excerpt.mix) == pytest.approx(PEAK)
    part = mixture.mix[start : start + SAMPLE_RATE]
    np.testing.assert_allclose(excerpt.mix / PEAK, part / peak_of(part), atol=1e-6)
    np.testing.assert_allclose(excerpt.stems.sum(0), excerpt.mix, atol=1e-5)


@pytest.mark.parametrize("seconds", [SECONDS, 10.0])
def test_an_excerpt_of_everything_is_the_mixture(mixture: Mixture, seconds: float) -> None:
    assert alterations.cut_excerpt(mixture, seconds) is mixture


def bursts(*spans_seconds: tuple[float, float], seconds: float = 4.0) -> FloatArray:
    """Stems that sound in one span each."""
    stems = np.zeros((len(spans_seconds), round(seconds * SAMPLE_RATE)), np.float32)
    for stem, (start, end) in zip(stems, spans_seconds, strict=True):
        stem[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)] = 0.5
    return stems


def test_an_excerpt_is_the_middle_where_all_can_be_heard_there() -> None:
    stems = bursts((0.0, 4.0), (1.6, 2.4))
    assert alterations.excerpt_start(stems, SAMPLE_RATE) == round(1.5 * SAMPLE_RATE)


def test_an_excerpt_leaves_the_middle_until_all_are_heard() -> None:
    start = alterations.excerpt_start(bursts((0.0, 4.0), (3.0, 4.0)), SAMPLE_RATE)
    assert 2.0 * SAMPLE_RATE < start <= 2.2 * SAMPLE_RATE


def test_where_never_all_are_heard_the_least_heard_is_heard_best() -> None:
    stems = bursts((0.0, 0.5), (3.0, 4.0))
    stems[0, 2 * SAMPLE_RATE : round(3.5 * SAMPLE_RATE)] = 0.01
    stems[0, round(3.5 * SAMPLE_RATE) :] = 0.02
    assert alterations.excerpt_start(stems, SAMPLE_RATE) == 3 * SAMPLE_RATE
    # Levels are no matter: each stem is compared with itself.
    levels = np.array([[0.01], [1.0]], np.float32)
    assert alterations.excerpt_start(stems * levels, SAMPLE_RATE) == 3 * SAMPLE_RATE


# Stability


def answers(best: list[list[int]], n: int = 8, family: str = "bass") -> FamilyAnswers:
    similarities = np.zeros((len(best), n), np.float32)
    for row, columns in enumerate(best):
        similarities[row, columns] = np.linspace(1.0, 0.5, len(columns))
    queries = np.arange(len(best))
    names = tuple(f"{family}-{number}" for number in range(n))
    return FamilyAnswers(family, names, similarities, queries % n, queries)


def test_stability_is_the_share_of_the_best_five_that_stays() -> None:
    clean = {"bass": answers([[0, 1, 2, 3, 4], [0, 1, 2, 3, 4]])}
    assert stability(clean, clean) == 1.0
    assert stability({"bass": answers([[4, 3, 2, 1, 0], [7, 6, 5, 4, 0]])}, clean) == 0.7
    few = {"bass": answers([[0, 1, 2]], n=3)}
    assert stability(few, few) == 1.0
    two = clean | {"organ": answers([[0, 1, 2, 3, 4]], family="organ")}
    changed = clean | {"organ": answers([[5, 6, 7, 3, 4]], family="organ")}
    assert stability(changed, two) == pytest.approx((1.0 + 0.4) / 2)


def test_stability_of_other_queries_makes_no_sense() -> None:
    with pytest.raises(InputError, match="bass"):
        stability({"bass": answers([[0, 1]])}, {"bass": answers([[0, 1], [1, 2]])})


# The protocol


def test_groups_and_conditions(measured: dict[str, Any]) -> None:
    names = {
        group["name"]: [one["name"] for one in group["conditions"]] for group in measured["groups"]
    }
    assert names.pop("robustness")[0] == "clean"
    assert names == {
        "number of instruments": ["2", "3"],
        "all families": ["3 of any"],
        "level of the target": ["-12", "-6", "0", "+6", "+12"],
        "setting": ["paper", "realistic, dry", "realistic, with effects"],
        "length of the excerpt": ["2", "2.5"],
    }
    assert measured["protocol"] == "conditions"
    assert measured["encoder"] == "tones"
    assert measured["settings"]["mixtures"] == 6
    assert measured["settings"]["seconds"] == SECONDS
    assert all(group["about"] for group in measured["groups"])
    assert json.loads(json.dumps(measured, allow_nan=False)) == measured


def test_a_perfect_listener_is_perfect_where_nothing_is_lost(measured: dict[str, Any]) -> None:
    for name in ("number of instruments", "all families"):
        for condition in group_of(measured, name)["conditions"]:
            assert condition["scores"]["mean"]["top_1"]["value"] == 1.0
    for condition in group_of(measured, "level of the target")["conditions"]:
        assert list(condition["scores"]) == [*FAMILIES, "mean"]
        assert condition["scores"]["mean"]["top_1"]["value"] == 1.0
        assert condition["queries"] == condition["scores"]["mean"]["queries"] == 6
    robust = {one["name"]: one for one in group_of(measured, "robustness")["conditions"]}
    for name in ("clean", "loudness -30 dB", "mp3, 48 kbit/s"):
        assert robust[name]["stability"] == robust[name]["scores"]["mean"]["top_1"]["value"] == 1.0
    # The band of the leads is above 4 kHz.
    assert robust["low-pass at 4 kHz"]["scores"]["bass"]["top_1"]["value"] == 1.0
    assert robust["low-pass at 4 kHz"]["queries"] == 18


def test_only_excerpts_and_robustness_speak_of_stability(measured: dict[str, Any]) -> None:
    for group in measured["groups"]:
        known = group["name"] in ("robustness", "length of the excerpt")
        for condition in group["conditions"]:
            assert (condition["stability"] is not None) == known


@pytest.mark.slow
def test_the_clean_conditions_are_the_mixtures_of_the_paper(gallery: Gallery) -> None:
    mixture_set = replace(SHORT, n_mixtures=4)
    (paper,) = evaluate_mixtures({"constant": ConstantEncoder()}, gallery, mixture_set)
    result = evaluate_conditions(ConstantEncoder(), gallery, mixture_set)
    for group, name in (
        ("setting", "paper"),
        ("robustness", "clean"),
        ("length of the excerpt", "2.5"),
    ):
        found = {one["name"]: one for one in group_of(result, group)["conditions"]}
        assert found[name]["scores"] == paper["scores"]


@pytest.mark.slow
def test_each_set_of_mixtures_is_heard_once_as_it_is(gallery: Gallery, pool: NotePool) -> None:
    first, second = ToneEncoder(), ToneEncoder()
    for encoder in (first, second):
        evaluate_conditions(encoder, gallery, replace(SHORT, n_mixtures=2))
    assert first.heard == second.heard
    ((_, one), _) = next(draw_mixtures(pool, replace(SHORT, n_mixtures=2)))
    probe = ToneEncoder()
    probe.embed([one.mix], SAMPLE_RATE)
    assert first.heard.count(probe.heard[0]) == 1


@pytest.mark.slow
def test_a_random_listener_is_not_stable(gallery: Gallery) -> None:
    result = evaluate_conditions(RandomEncoder(), gallery, SHORT)
    robust = group_of(result, "robustness")["conditions"]
    mean = np.mean([one["stability"] for one in robust[1:]])
    assert mean == pytest.approx(5 / 8, abs=0.1)


def test_progress_rises_to_one(gallery: Gallery) -> None:
    fractions: list[float] = []
    words: list[str] = []

    def progress(done: float, text: str) -> None:
        fractions.append(done)
        words.append(text)

    evaluate_conditions(ConstantEncoder(), gallery, replace(SHORT, n_mixtures=1), progress=progress)
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0)
    assert any(text.startswith("level of the target, -12 dB: ") for text in words)


@pytest.mark.slow
def test_queries_are_told_apart_by_source_where_there_are_several(gallery: Gallery) -> None:
    several = Gallery([gallery._origins[0][0], ToneDataset(families=FAMILIES)])
    result = evaluate_conditions(ConstantEncoder(), several, SHORT)
    group = group_of(result, "source of the target")
    paper = group_of(result, "setting")["conditions"][0]
    assert [one["name"] for one in group["conditions"]] == list(several.sources)
    assert sum(one["queries"] for one in group["conditions"]) == paper["queries"]
    for family in FAMILIES:
        each = [one["scores"][family] for one in group["conditions"] if family in one["scores"]]
        assert sum(one["queries"] for one in each) == SHORT.n_mixtures
        assert all(one["candidates"] == 8 + 4 for one in each)


def test_families_without_a_query_play_no_part_where_any_may(gallery: Gallery) -> None:
    class TwoFamilies(ConstantEncoder):
        families = ("percussion", "bass")

    result = evaluate_conditions(TwoFamilies(), gallery, replace(SHORT, n_mixtures=2))
    (condition,) = group_of(result, "all families")["conditions"]
    assert condition["name"] == "2 of any"
    assert set(condition["scores"]) == {"percussion", "bass", "mean"}
    assert "synth_lead" in group_of(result, "setting")["conditions"][0]["scores"]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda: replace(SHORT, families=("organ",)), DataError),
        (lambda: replace(SHORT, families=("bass", "organ")), DataError),
        (lambda: replace(SHORT, split="exam"), InputError),
    ],
)
def test_what_is_not_there_is_one_clear_error(
    gallery: Gallery, change: Callable[[], MixtureSet], error: type[Exception]
) -> None:
    with pytest.raises(error):
        evaluate_conditions(ConstantEncoder(), gallery, change())


def test_a_bank_of_one_family_still_has_its_conditions(tmp_path: Path) -> None:
    one = Gallery([ToneDataset(families=["bass"])])
    result = evaluate_conditions(
        ConstantEncoder(), one, replace(SHORT, n_mixtures=2, families=("bass",))
    )
    names = [group["name"] for group in result["groups"]]
    assert names == ["level of the target", "setting", "length of the excerpt", "robustness"]
