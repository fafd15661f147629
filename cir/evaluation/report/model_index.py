"""The `model-index` of a model card, from which the Hub reads the results of a model."""

import re
from collections.abc import Sequence
from typing import Any

import yaml

from cir.errors import InputError
from cir.evaluation.report.accuracy import candidates_of
from cir.evaluation.report.documents import Result, check_results
from cir.evaluation.report.grouping import Group, group_results
from cir.evaluation.report.words import listed, row_name, things

_METRICS = (
    ("top_1", "accuracy", "Top-1 accuracy (%)", 100.0, 1),
    ("top_5", "top_5_accuracy", "Top-5 accuracy (%)", 100.0, 1),
    ("mrr", "mrr", "Mean reciprocal rank", 1.0, 3),
)

_TASKS = {
    "mixtures": "Instrument retrieval from mixtures",
    "single": "Instrument retrieval from single notes",
}

_FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(.*?\r?\n)?---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
# A top-level key with everything that is indented below it, or is an item of its list.
_OLD_INDEX = re.compile(r"^model-index:.*\n(?:(?:[ \t-].*)?\n)*", re.MULTILINE)
_HEADING = re.compile(r"^# ([^:\n]+)", re.MULTILINE)


def model_index(
    results: Sequence[Result], *, model_name: str, encoder: str | None = None
) -> list[dict[str, Any]]:
    """Build the `model-index` of a model from its results on mixtures and single notes.

    Args:
        results: Results; other protocols, and rows without figures, are ignored.
        model_name: Name of the model.
        encoder: Identity of the model; may be None if all results are of one model.

    Raises:
        InputError: No result is of the model, or there are several models and `encoder` is None.
    """
    from huggingface_hub import EvalResult
    from huggingface_hub.repocard_data import eval_results_to_model_index

    check_results(results)
    groups = [group for protocol in _TASKS for group in group_results(results, protocol)]
    identities = sorted({str(row["encoder"]) for group in groups for row in group.measured})
    if encoder is None and len(identities) > 1:
        raise InputError(
            f"The results are of {len(identities)} models ({', '.join(identities)}); say whose "
            "card it is."
        )
    entries = []
    for group in groups:
        row = next((row for row in group.measured if encoder in (None, row["encoder"])), None)
        if row is None:
            continue
        scores = row["scores"][group.headline]
        for metric, kind, name, factor, digits in _METRICS:
            entries.append(
                EvalResult(
                    task_type="feature-extraction",
                    task_name=_TASKS[group.protocol],
                    dataset_type=f"cir-{group.protocol}",
                    dataset_name=_dataset_name(group, row),
                    dataset_config=_config(group),
                    dataset_split=group.settings["split"],
                    metric_type=kind,
                    metric_name=name,
                    metric_value=round(factor * scores[metric]["value"], digits),
                )
            )
    if not entries:
        raise InputError(
            f"No result on mixtures or single notes is of the model {encoder!r}; the results are "
            f"of {', '.join(identities) or 'none'}."
        )
    index: list[dict[str, Any]] = eval_results_to_model_index(model_name, entries)
    return index


def update_card(
    card_text: str,
    results: Sequence[Result],
    *,
    model_name: str | None = None,
    encoder: str | None = None,
) -> str:
    """Replace the `model-index` in the front matter of a card, and nothing else.

    Args:
        card_text: The card, with or without front matter.
        results: See `model_index`.
        model_name: Name of the model; by default the first heading of the card, up to a colon.
        encoder: See `model_index`.

    Returns:
        The new card.

    Raises:
        InputError: As `model_index`, or the card has no heading and there is no `model_name`.
    """
    found = _FRONT_MATTER.match(card_text)
    header, body = (found[1] or "", card_text[found.end() :]) if found else ("", card_text)
    heading = _HEADING.search(body)
    name = model_name or (heading and heading[1].strip())
    if not name:
        raise InputError("The card has no heading (# NAME) to name the model by; give model_name.")
    index = model_index(results, model_name=name, encoder=encoder)
    written = yaml.safe_dump({"model-index": index}, sort_keys=False, allow_unicode=True, width=100)
    return f"---\n{_OLD_INDEX.sub('', header)}{written}---\n{body}"


def _dataset_name(group: Group, row: Result) -> str:
    """Describe the data that was searched."""
    data = " + ".join(group.settings.get("data", ())) or "unnamed data"
    scores = row["scores"][group.headline]
    if group.protocol == "mixtures":
        families = [row_name(family) for family in group.settings["families"]]
        what = (
            f"{things(group.settings['mixtures'], 'mixture')} ({listed(families)}) of {data}, "
            "mean of the families"
        )
    else:
        what = f"{things(scores['queries'], 'note')} of {data}, reference notes excluded"
    kind = "unheard instrument" if group.settings["split"] == "test" else "instrument"
    return f"{what}; {things(scores['instruments'], kind)} among {candidates_of(group)}"


def _config(group: Group) -> str:
    """Describe the settings: the Hub merges entries of equal configuration."""
    known = {"split", "data", "families"}
    words = [*group.settings.get("data", ()), *group.settings.get("families", ())]
    words += [f"{key} {value}" for key, value in group.settings.items() if key not in known]
    return ", ".join(words)
