"""Models by name: a folder on this machine, or a repository of the Hugging Face Hub."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
from huggingface_hub import CommitOperationAdd, HfApi, snapshot_download
from huggingface_hub.errors import (
    BadRequestError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
    XetDownloadError,
)

from cir.errors import CheckpointError, CirError
from cir.model.checkpoint import CARD_NAME, CONFIG_NAME, GRAPHS_NAME, WEIGHTS_NAME

REQUIRED_FILES = (CONFIG_NAME, WEIGHTS_NAME)
MODEL_FILES = (*REQUIRED_FILES, GRAPHS_NAME, CARD_NAME)

MODEL_VARIABLE = "CIR_MODEL"
"""Environment variable: folder or Hub id of the page's model."""

_REPO_ID = re.compile(r"[\w][\w.-]*/[\w][\w.-]*")
LOG_IN = "log in with `hf auth login` (or set HF_TOKEN)"


@dataclass(frozen=True)
class Kind:
    """A kind of thing that has a name on the Hub, and its words in errors."""

    noun: str
    repo_type: str
    """The Hub's word: `model` or `dataset`."""
    patterns: tuple[str, ...]
    """Files of a repository that are downloaded."""
    holds: str
    """Content of a folder, in words."""
    error: type[CirError]


MODEL = Kind("model", "model", MODEL_FILES, " and ".join(REQUIRED_FILES), CheckpointError)


def resolve(
    source: str | Path, revision: str | None = None, *, token: str | bool | None = None
) -> Path:
    """Find the folder of a model; one of the Hub is downloaded to the Hub's cache first.

    What is in the cache is used as it is where the Hub cannot be reached or HF_HUB_OFFLINE is set.

    Args:
        source: A folder, or a Hub id like `owner/name`. A folder of that name comes first.
        revision: Branch, tag or commit hash of a Hub model; None is its main branch.
        token: Hub token; None takes the one of `hf auth login` or HF_TOKEN.

    Raises:
        CheckpointError: No such folder, repository or revision, one that may not be read, one that
            is not a model, or the Hub is out of reach.
    """
    folder = fetch(source, revision, token=token)
    _check_model_folder(folder, str(source))
    return folder


def fetch(
    source: str | Path,
    revision: str | None = None,
    *,
    token: str | bool | None = None,
    kind: Kind = MODEL,
) -> Path:
    """Find the folder of a model of any library, or of another kind, as `resolve` does.

    Its content is not checked; errors are those of the kind.
    """
    folder = Path(source).expanduser()
    if folder.is_dir():
        if revision is not None:
            raise kind.error(
                f"{str(source)!r} is a folder, and a folder has no revision {revision!r}: leave "
                "the revision out, or give a Hub id (owner/name)."
            )
    elif folder.is_file():
        raise kind.error(f"{str(source)!r} is a file: give a folder that holds {kind.holds}.")
    elif isinstance(source, Path) or not _REPO_ID.fullmatch(source):
        raise kind.error(
            f"There is no {kind.noun} folder {str(source)!r}, and it is no Hub id either, which "
            "would look like owner/name."
        )
    else:
        return _download(source, revision, token, kind)
    return folder


def push_folder(
    folder: str | Path,
    repo_id: str,
    *,
    private: bool = False,
    token: str | bool | None = None,
    commit_message: str = "Upload model",
) -> str:
    """Upload a model folder to the Hub as one commit; make the repository where there is none.

    Only the files of a model are sent, whatever else lies in the folder.

    Args:
        folder: What `TimbreEncoder.save_pretrained` wrote.
        repo_id: `owner/name`.
        private: Whether a repository made here is private; one that exists stays as it is.
        token: Hub token that may write; None takes the one of `hf auth login` or HF_TOKEN.
        commit_message: First line of the commit.

    Returns:
        The commit's hash, which is a `revision` for `resolve`.

    Raises:
        CheckpointError: The folder holds no model, the Hub refuses, or it is out of reach.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise CheckpointError(f"There is no model folder {str(folder)!r}.")
    _check_model_folder(folder, str(folder))
    check_repo_id(repo_id)
    paths = [folder / name for name in MODEL_FILES if (folder / name).is_file()]
    api = HfApi(token=token)
    with writing_to_hub(repo_id):
        api.create_repo(repo_id, private=private, exist_ok=True)
        commit = api.create_commit(
            repo_id,
            [CommitOperationAdd(path_in_repo=path.name, path_or_fileobj=path) for path in paths],
            commit_message=commit_message,
        )
    return commit.oid


def check_repo_id(repo_id: str) -> None:
    """Make sure that a name is `owner/name`.

    Raises:
        CheckpointError: It is not.
    """
    if not _REPO_ID.fullmatch(repo_id):
        raise CheckpointError(f"{repo_id!r} is no Hub id, which would look like owner/name.")


@contextmanager
def writing_to_hub(repo_id: str) -> Iterator[None]:
    """Explain in one sentence why the Hub refused a write.

    Raises:
        CheckpointError: The Hub refuses, or it is out of reach.
    """
    try:
        yield
    except BadRequestError as error:
        raise CheckpointError(
            f"The Hub did not take {repo_id!r}: {_reason(error)}; change the name or the files."
        ) from error
    except HfHubHTTPError as error:
        raise CheckpointError(
            f"The Hub did not let us write to {repo_id!r} ({_reason(error)}): {LOG_IN} with a "
            "token that may write there."
        ) from error
    except ValueError as error:
        # huggingface_hub's own checks: of the repository's name, and of the card's metadata.
        raise CheckpointError(f"It cannot be pushed to {repo_id!r}: {error}") from error
    except (httpx2.HTTPError, OSError, RuntimeError) as error:
        raise CheckpointError(
            f"It could not be pushed to {repo_id!r} ({_reason(error)}): connect to the Hub and try "
            "again; what is there already is not sent twice."
        ) from error


def _download(repo_id: str, revision: str | None, token: str | bool | None, kind: Kind) -> Path:
    wanted = f"{repo_id!r}" + (f" at revision {revision!r}" if revision else "")
    try:
        folder = snapshot_download(
            repo_id,
            repo_type=kind.repo_type,
            revision=revision,
            token=token,
            allow_patterns=list(kind.patterns),
        )
    except GatedRepoError as error:
        raise kind.error(
            f"Access to the Hub {kind.noun} {repo_id!r} must be granted: ask for it on the "
            f"{kind.noun}'s page, then {LOG_IN}."
        ) from error
    except RepositoryNotFoundError as error:
        raise kind.error(
            f"There is no folder {repo_id!r}, and the Hub has no {kind.noun} of that name, or it "
            f"is private: check the name, or {LOG_IN}."
        ) from error
    except RevisionNotFoundError as error:
        raise kind.error(
            f"The Hub {kind.noun} {repo_id!r} has no revision {revision!r}: give a branch, a tag "
            "or a full commit hash of it."
        ) from error
    except HFValidationError as error:
        raise kind.error(f"{repo_id!r} is no Hub id: {error}") from error
    except (httpx2.HTTPError, OSError, RuntimeError, XetDownloadError) as error:
        raise kind.error(
            f"The Hub {kind.noun} {wanted} is not in the cache of this machine and could not be "
            f"fetched ({_reason(error)}): connect and try again, or give the path of a "
            f"{kind.noun} folder."
        ) from error
    return Path(folder)


def _check_model_folder(folder: Path, name: str) -> None:
    missing = [name for name in REQUIRED_FILES if not (folder / name).is_file()]
    if missing:
        raise CheckpointError(
            f"{name!r} is not a model of this library, it has no {' and no '.join(missing)}: give "
            "one that TimbreEncoder.save_pretrained wrote."
        )


def _reason(error: BaseException) -> str:
    """Return the reason in a few words, without the advice of huggingface_hub."""
    if isinstance(error, LocalEntryNotFoundError) and error.__cause__ is not None:
        return _reason(error.__cause__)
    if isinstance(error, OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set"
    if isinstance(error, HfHubHTTPError):
        return error.server_message or f"the Hub answered {error.response.status_code}"
    return str(error) or type(error).__name__
