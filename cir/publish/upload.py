"""Uploading folders to repositories of the Hub."""

import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from huggingface_hub import HfApi, get_token

from cir.errors import CheckpointError, InputError
from cir.model.hub import LOG_IN, MODEL_FILES, resolve, writing_to_hub

_PLACEHOLDER = "FOLDER_OR_HUB_ID"

_TOKEN = re.compile(rb"\b(?:hf|api_org)_[A-Za-z0-9]{30,}\b")
"""Pattern of tokens of the Hub."""
RepoType = Literal["model", "dataset", "space"]


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


def refuse_secrets(folder: Path, token: str | None = None) -> None:
    """Check that no file holds a token of the Hub.

    Args:
        folder: Folder that is searched recursively.
        token: A token to search for besides the pattern.

    Raises:
        InputError: A file holds a token; the message does not repeat it.
    """
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        content = path.read_bytes()
        if _TOKEN.search(content) or (token and token.encode() in content):
            raise InputError(
                f"{path.relative_to(folder)} holds what looks like a token of the Hub: take it out "
                "(and revoke it, if it was ever shared); nothing was sent."
            )


@dataclass(frozen=True)
class RepositoryUpload:
    """A folder and the repository that it goes to."""

    repo_type: RepoType
    repo_id: str
    folder: Path
    variables: dict[str, str] = field(default_factory=dict)
    """Public environment variables of a Space."""

    @property
    def files(self) -> list[tuple[str, int]]:
        """Path in the repository and size in bytes of each file, sorted by path."""
        return [
            (path.relative_to(self.folder).as_posix(), path.stat().st_size)
            for path in sorted(self.folder.rglob("*"))
            if path.is_file()
        ]


def find_token() -> str:
    """Return the token of HF_TOKEN or of `hf auth login`.

    Raises:
        CheckpointError: There is none.
    """
    token = get_token()
    if not token:
        raise CheckpointError(f"Uploading needs a token of the Hub: {LOG_IN} first.")
    return token


def send(upload: RepositoryUpload, *, private: bool = False, token: str) -> str:
    """Upload a folder, and create its repository if it does not exist.

    Files that the repository already holds are not sent again, also after an interruption. Files of
    the repository that the folder lacks are kept.

    Args:
        upload: The folder and its repository.
        private: Whether a new repository is private; an existing one is not changed.
        token: Token of the Hub with write access.

    Returns:
        The URL of the repository.

    Raises:
        CheckpointError: The Hub refuses, or cannot be reached.
    """
    api = HfApi(token=token)
    is_space = upload.repo_type == "space"
    with writing_to_hub(upload.repo_id):
        address = api.create_repo(
            upload.repo_id,
            repo_type=upload.repo_type,
            private=private,
            exist_ok=True,
            space_sdk="gradio" if is_space else None,
        )
        for name, value in upload.variables.items():
            api.add_space_variable(upload.repo_id, name, value)
        api.upload_folder(
            repo_id=upload.repo_id,
            repo_type=upload.repo_type,
            folder_path=upload.folder,
            commit_message=f"Upload {upload.repo_type} with cir publish",
        )
    return str(address)
