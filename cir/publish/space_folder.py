"""The app as a Space of the Hub: `app.py`, `cir/` and the files of `spaces/`."""

import shutil
from pathlib import Path

from cir.errors import InputError
from cir.library.remote import DATABASE_VARIABLE
from cir.model.hub import MODEL_VARIABLE
from cir.publish.front_matter import with_values

ROOT = Path(__file__).parents[2]
"""The repository, if `cir` is used from a clone."""

_CARD_NAME = "README.md"
_REQUIREMENTS_NAME = "requirements.txt"
_BESIDE = ("app.py", "LICENSE", "NOTICE")
_ZERO_GPU = "zero-a10g"


def write_space_folder(
    folder: Path,
    model: str | Path,
    database: str | Path,
    *,
    root: Path = ROOT,
    zero_gpu: bool = False,
) -> None:
    """Write the files of a Space.

    Args:
        folder: An empty folder.
        model: Hub id of the model that the Space loads, or folder of a model to copy.
        database: Hub id of the database that the Space loads, or folder of a database to copy.
        root: The repository.
        zero_gpu: Whether the Space runs on shared GPUs (ZeroGPU) and needs torch for CUDA.

    Raises:
        InputError: `root` is not a clone of the repository.
    """
    missing = [name for name in ("app.py", "spaces") if not (root / name).exists()]
    if missing:
        raise InputError(
            f"A Space is made from a clone of the repository, and {root} lacks "
            f"{' and '.join(missing)}: clone it, install it with `pip install -e .` and run this "
            "there."
        )
    assets = Path("cir", "assets")
    own = {str(root / assets / "model"), str(root / assets / "database")}

    def ignored(parent: str, names: list[str]) -> set[str]:
        hidden = {name for name in names if name.startswith((".", "__pycache__"))}
        return hidden | {name for name in names if str(Path(parent, name)) in own}

    shutil.copytree(root / "cir", folder / "cir", ignore=ignored)
    for name, source in (("model", model), ("database", database)):
        if isinstance(source, Path):
            shutil.copytree(source, folder / assets / name, ignore=shutil.ignore_patterns(".*"))
    for path in (*(root / name for name in _BESIDE), *sorted((root / "spaces").iterdir())):
        if path.is_file():
            shutil.copyfile(path, folder / path.name)
    values: dict[str, object] = {
        "models": [model] if isinstance(model, str) else [],
        "datasets": [database] if isinstance(database, str) else [],
    }
    if zero_gpu:
        values["suggested_hardware"] = _ZERO_GPU
        _drop_cpu_index(folder / _REQUIREMENTS_NAME)
    card = folder / _CARD_NAME
    card.write_text(with_values(card.read_text(encoding="utf-8"), values), encoding="utf-8")


def space_variables(model: str | Path, database: str | Path) -> dict[str, str]:
    """Return the environment of a Space: what it loads from the Hub, and that it serves MCP."""
    chosen = {MODEL_VARIABLE: model, DATABASE_VARIABLE: database}
    named = {name: value for name, value in chosen.items() if isinstance(value, str)}
    return {**named, "GRADIO_MCP_SERVER": "True"}


def _drop_cpu_index(requirements: Path) -> None:
    """Remove the index of CPU builds: those of torch on PyPI for Linux are for CUDA."""
    lines = requirements.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith("--extra-index-url")]
    requirements.write_text("".join(kept), encoding="utf-8")


def notice(root: Path = ROOT) -> str:
    """Return the repository's notice on licences of others; empty outside of a clone."""
    path = root / "NOTICE"
    return path.read_text(encoding="utf-8") if path.is_file() else ""
