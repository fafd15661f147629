"""`cir publish`: upload the model, the database and the page to the Hugging Face Hub."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cir.cli.options import DatabaseOption
from cir.cli.terminal import progress_bar
from cir.errors import InputError

if TYPE_CHECKING:
    from cir.publish.upload import RepositoryUpload

_SHOWN_FILES = 12


def publish(
    model: Annotated[str | None, typer.Option(help="OWNER/NAME of the model's repository.")] = None,
    dataset: Annotated[
        str | None, typer.Option(help="OWNER/NAME of the database's repository.")
    ] = None,
    space: Annotated[
        str | None,
        typer.Option(
            help="OWNER/NAME of the Space. It loads the model and the database that are published "
            "with it, unless they are private; otherwise it contains them."
        ),
    ] = None,
    model_folder: Annotated[
        Path | None, typer.Option(help="The model; the bundled one by default.")
    ] = None,
    database: DatabaseOption = None,
    private: Annotated[
        bool, typer.Option("--private", help="Make new repositories private.")
    ] = False,
    zero_gpu: Annotated[
        bool, typer.Option("--zero-gpu", help="Make a Space for ZeroGPU, with torch for CUDA.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print what would be sent.")
    ] = False,
    to: Annotated[
        Path | None,
        typer.Option(
            help="Write model/, dataset/ and space/ into a new or empty folder instead of "
            "sending them."
        ),
    ] = None,
) -> None:
    """Upload the model, the database and the page to the Hugging Face Hub.

    Each of the three is optional. The token comes from HF_TOKEN or `hf auth login`. Files that are
    there are not sent again: after a broken connection, the same command goes on.
    """
    from cir.index.changes import check_new_folder
    from cir.publish.upload import find_token, refuse_secrets, send

    if not (model or dataset or space):
        raise InputError(
            "Nothing to publish: name at least one repository, for example --model OWNER/NAME."
        )
    token = None if dry_run or to is not None else find_token()
    if to is not None:
        check_new_folder(to)
    with tempfile.TemporaryDirectory(prefix="cir-publish-") as scratch:
        uploads = _assemble(
            Path(scratch) if to is None else to,
            model=model,
            dataset=dataset,
            space=space,
            model_folder=model_folder,
            database=database,
            private=private,
            zero_gpu=zero_gpu,
        )
        for upload in uploads:
            refuse_secrets(upload.folder, token)
        for upload in uploads:
            _print_plan(upload)
        if token is None:
            typer.echo("Nothing was sent." if to is None else f"Written to {to}; nothing was sent.")
            return
        for upload in uploads:
            typer.echo(f"{upload.repo_id} is at {send(upload, private=private, token=token)}")


def _assemble(
    root: Path,
    *,
    model: str | None,
    dataset: str | None,
    space: str | None,
    model_folder: Path | None,
    database: Path | None,
    private: bool,
    zero_gpu: bool,
) -> "list[RepositoryUpload]":
    """Write a folder for each repository below `root`."""
    from cir.index.database import BUNDLED_PATH
    from cir.model.checkpoint import BUNDLED_MODEL
    from cir.model.hub import check_repo_id
    from cir.publish.dataset_folder import write_dataset_folder
    from cir.publish.space_folder import notice, space_variables, write_space_folder
    from cir.publish.upload import RepositoryUpload, write_model_folder

    for repo_id in filter(None, (model, dataset, space)):
        check_repo_id(repo_id)
    uploads = []
    if model:
        folder = _new_folder(root, "model")
        write_model_folder(folder, model_folder or BUNDLED_MODEL, model)
        uploads.append(RepositoryUpload("model", model, folder))
    if dataset:
        folder = _new_folder(root, "dataset")
        with progress_bar("Packing the database", least_seconds=2.0) as progress:
            write_dataset_folder(
                folder,
                database or BUNDLED_PATH,
                dataset,
                model_id=model,
                notice=notice() if database is None else "",
                progress=progress,
            )
        uploads.append(RepositoryUpload("dataset", dataset, folder))
    if space:
        folder = _new_folder(root, "space")
        # A Space cannot read private repositories.
        loaded = (None, None) if private else (model, dataset)
        its_model = loaded[0] or model_folder or BUNDLED_MODEL
        its_database = loaded[1] or database or BUNDLED_PATH
        write_space_folder(folder, its_model, its_database, zero_gpu=zero_gpu)
        uploads.append(
            RepositoryUpload("space", space, folder, space_variables(its_model, its_database))
        )
    return uploads


def _new_folder(root: Path, name: str) -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    return folder


def _print_plan(upload: "RepositoryUpload") -> None:
    files = upload.files
    total = sum(size for _, size in files)
    typer.echo(f"{upload.repo_type} {upload.repo_id}: {len(files)} files, {_size(total)}")
    for path, size in sorted(files, key=lambda file: (-file[1], file[0]))[:_SHOWN_FILES]:
        typer.echo(f"  {_size(size):>9}  {path}")
    if len(files) > _SHOWN_FILES:
        typer.echo(f"             and {len(files) - _SHOWN_FILES} smaller ones")
    for name, value in upload.variables.items():
        typer.echo(f"  variable   {name}={value}")


def _size(size: int) -> str:
    """1500 -> `1.5 kB`."""
    if size < 1_000:
        return f"{size} B"
    amount, unit = (size / 1e6, "MB") if size >= 1_000_000 else (size / 1e3, "kB")
    return f"{amount:.1f} {unit}"
