"""Commands, versions and settings that made the figures."""

import json
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from cir.evaluation.report.blocks import Block, Fold, Text, table
from cir.evaluation.report.documents import Result, name_of
from cir.evaluation.report.words import NOTHING, count, escape

_PACKAGES = ("cir", "torch", "transformers", "numpy", "librosa", "scikit-learn")


def origin_blocks(results: Sequence[Result], commands: Sequence[str]) -> list[Block]:
    """Return commands, versions, computing time of each method and settings.

    Args:
        results: All results of the page.
        commands: Command lines that made them.
    """
    blocks: list[Block] = []
    if commands:
        lines = [f"    {' '.join(command.split())}" for command in commands]
        blocks.append(Text("Made by:\n\n" + "\n".join(lines)))
    blocks += [Text(_versions()), Text(_times(results))]
    settings = {
        json.dumps(one["settings"], ensure_ascii=False): None
        for one in results
        if one.get("settings")
    }
    if settings:
        listing = "\n".join(f"    {line}" for line in settings)
        blocks.append(Fold("All settings", (Text(listing),)))
    return blocks


def _versions() -> str:
    found = [f"Python {platform.python_version()}"]
    for package in _PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    machine = f"{platform.system()} on {platform.machine()}"
    return escape(f"This page was written with {', '.join(found)}; {machine}") + "."


def _times(results: Sequence[Result]) -> str:
    lines = [
        [
            escape(str(result["protocol"])),
            escape(name_of(result)),
            f"`{result['encoder']}`" if result.get("encoder") else NOTHING,
            NOTHING if result.get("seconds") is None else count(result["seconds"]),
        ]
        for result in results
    ]
    return table(["protocol", "method", "identity of the model", "seconds"], lines, words=3)
