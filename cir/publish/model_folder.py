"""A model as a repository of the Hub: weights, configuration and card."""

import shutil
from pathlib import Path

from cir.model.hub import MODEL_FILES, resolve

_PLACEHOLDER = "FOLDER_OR_HUB_ID"


def write_model_folder(folder: Path, source: Path, repo_id: str) -> None:
    """Copy the files of a model, with its future name in the card.

    Args:
        folder: An empty folder.
        source: Folder that `TimbreEncoder.save_pretrained` wrote.
        repo_id: Its future `owner/name`.

    Raises:
        CheckpointError: There is no model in `source`.
    """
    model = resolve(source)
    for name in MODEL_FILES:
        if (model / name).is_file():
            shutil.copyfile(model / name, folder / name)
    card = folder / "README.md"
    if card.is_file():
        text = card.read_text(encoding="utf-8")
        card.write_text(text.replace(_PLACEHOLDER, repo_id), encoding="utf-8")
