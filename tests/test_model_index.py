"""The model-index of a card, read as the Hub's own library reads it."""

from pathlib import Path

import pytest
import yaml
from huggingface_hub import EvalResult, ModelCard, ModelCardData

import cir
from cir.errors import InputError
from cir.evaluation.report.model_index import model_index, update_card
from tests.report_cases import conditions, everything, mixtures, single

CARD = (Path(cir.__file__).parent / "assets" / "model" / "README.md").read_text(encoding="utf-8")
OURS = [mixtures("cir", 0.167), single("cir", 0.396) | {"encoder": "id-cir"}, conditions()]


def data_of(card_text: str) -> ModelCardData:
    data = ModelCard(card_text).data
    assert isinstance(data, ModelCardData)
    return data


def read(card_text: str) -> list[EvalResult]:
    return data_of(card_text).eval_results or []


def test_the_hub_reads_every_figure() -> None:
    found = read(update_card(CARD, OURS))
    mean, whole = OURS[0]["scores"]["mean"], OURS[1]["scores"]["all"]
    assert [(one.metric_name, one.metric_value) for one in found] == [
        ("Top-1 accuracy (%)", 16.7),
        ("Top-5 accuracy (%)", round(100 * mean["top_5"]["value"], 1)),
        ("Mean reciprocal rank", round(mean["mrr"]["value"], 3)),
        ("Top-1 accuracy (%)", 39.6),
        ("Top-5 accuracy (%)", round(100 * whole["top_5"]["value"], 1)),
        ("Mean reciprocal rank", round(whole["mrr"]["value"], 3)),
    ]
    assert found[0].task_name == "Instrument retrieval from mixtures"
    assert found[0].dataset_split == "test"
    assert found[0].dataset_name == (
        "1 000 mixtures (percussion, bass and synth lead) of surge, mean of the families; "
        "12 unheard instruments among 760 candidates (109 percussion, 275 bass and 376 synth lead)"
    )
    assert "notes of surge + soundfonts, reference notes excluded" in found[3].dataset_name


def test_all_else_stays_as_it_was() -> None:
    updated = update_card(CARD, OURS)
    _, header, body = CARD.split("---\n", 2)
    _, new_header, new_body = updated.split("---\n", 2)
    assert new_body == body
    assert new_header.startswith(header.split("model-index:")[0])
    assert data_of(updated).model_name == "cir-base"
    assert set(yaml.safe_load(new_header)) == set(yaml.safe_load(header)) | {"model-index"}


def test_twice_is_as_good_as_once() -> None:
    once = update_card(CARD, OURS)
    assert update_card(once, OURS) == once
    worse = [mixtures("cir", 0.1)]
    assert [one.metric_value for one in read(update_card(once, worse))][0] == 10.0


def test_keys_after_an_old_index_stay() -> None:
    card = "---\nmodel-index:\n- name: old\n  results: []\n\ntags:\n- audio\n---\n# New: card\n"
    updated = update_card(card, OURS)
    data = data_of(updated)
    assert data.tags == ["audio"] and data.model_name == "New" and "old" not in updated


def test_a_card_without_front_matter_gets_one() -> None:
    updated = update_card("# mine\n\nText.\n", OURS)
    assert updated.endswith("---\n# mine\n\nText.\n") and len(read(updated)) == 6


def test_other_settings_are_another_entry() -> None:
    other = mixtures("cir", 0.3)
    other["settings"] = other["settings"] | {"seed": 1}
    (model,) = model_index([mixtures("cir", 0.2), other], model_name="m")
    assert [entry["metrics"][0]["value"] for entry in model["results"]] == [20.0, 30.0]


def test_the_model_is_chosen_by_its_identity() -> None:
    (model,) = model_index(everything(), model_name="m", encoder="id-MFCC mean+std")
    assert [entry["metrics"][0]["value"] for entry in model["results"]] == [1.4, 13.2]


@pytest.mark.parametrize(
    ("encoder", "message"), [(None, "of 3 models.*whose card"), ("id-none", "id-none.*id-cir")]
)
def test_which_model_must_be_clear(encoder: str | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        model_index(everything(), model_name="m", encoder=encoder)


def test_a_card_without_a_heading_needs_a_name() -> None:
    with pytest.raises(InputError, match="model_name"):
        update_card("Text.\n", OURS)
    assert len(read(update_card("Text.\n", OURS, model_name="mine"))) == 6
