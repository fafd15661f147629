"""Folders to repositories of the Hub: what is to go where, and sending it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from huggingface_hub import HfApi, get_token

from cir.errors import CheckpointError
from cir.model.hub import LOG_IN, writing_to_hub

RepoType = Literal["model", "dataset", "space"]


@dataclass(frozen=True)
class Upload:
    """One repository, and the folder that it is to hold."""

    repo_type: RepoType
    repo_id: str
    folder: Path
    variables: dict[str, str] = field(default_factory=dict)
    """Of a Space: its environment, for all to see."""

    @property
    def files(self) -> list[tuple[str, int]]:
        """Path in the repository and size in bytes of each file, in order of the paths."""
        return [
            (path.relative_to(self.folder).as_posix(), path.stat().st_size)
            for path in sorted(self.folder.rglob("*"))
            if path.is_file()
        ]


def find_token() -> str:
    """Return the token of HF_TOKEN or of `hf auth login`.

    Raises:
        CheckpointError: there is none.
    """
    token = get_token()
    if not token:
        raise CheckpointError(f"The Hub wants to know who writes: {LOG_IN} first.")
    return token


def send(upload: Upload, *, private: bool = False, token: str) -> str:
    """Make the repository where there is none, and upload the folder.

    Files that are there already with the same content are not sent again, and neither is what an
    interrupted upload has sent; files of the repository that the folder lacks stay.

    Args:
        upload: what goes where.
        private: whether a repository made here is private; one that exists stays as it is.
        token: may write there.

    Returns:
        The repository's address.

    Raises:
        CheckpointError: the Hub refuses, or it is out of reach.
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
