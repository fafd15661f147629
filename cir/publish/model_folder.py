"""The model as the Hub is to hold it: weights, configuration and card."""

import shutil
from pathlib import Path

from cir.model.hub import MODEL_FILES, resolve

_PLACEHOLDER = "FOLDER_OR_HUB_ID"


def write_model_folder(folder: Path, source: Path, repo_id: str) -> None:
    """Copy the files of a model, with its future name in the card.

    Args:
        folder: empty.
        source: what `TimbreEncoder.save_pretrained` wrote.
        repo_id: `owner/name`.

    Raises:
        CheckpointError: there is no model in `source`.
    """
    model = resolve(source)
    for name in MODEL_FILES:
        if (model / name).is_file():
            shutil.copyfile(model / name, folder / name)
    card = folder / "README.md"
    if card.is_file():
        text = card.read_text(encoding="utf-8")
        card.write_text(text.replace(_PLACEHOLDER, repo_id), encoding="utf-8")
