"""Builds the wheel and the sdist, and tries each in an environment of its own, far from here.

`python .ci/try_package.py dist` needs pip and its index, and no package of ours. It prints the size
of what a base install brings.
"""

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent
MOST_MEGABYTES = 450
"""Largest base install, with what it depends on and what pip compiles of it."""
_TRY = """
import json, sys
from importlib.resources import files
from cir.cli.main import main
sys.argv = ["cir", "search", str(files("cir") / "assets" / "examples" / "mix-1.flac"), "--json"]
try:
    main()
finally:
    assert not {"torch", "scipy", "chromadb"} & set(sys.modules)
"""


def main() -> None:
    """Build into the folder of the first argument."""
    dist = Path(sys.argv[1] if len(sys.argv) > 1 else "dist").resolve()
    dist.mkdir(parents=True, exist_ok=True)
    for old in (*dist.glob("*.whl"), *dist.glob("*.tar.gz")):
        old.unlink()
    with tempfile.TemporaryDirectory() as scratch:
        python = _environment(Path(scratch) / "build")
        _run(python, "-m", "pip", "install", "--quiet", "build")
        _run(python, "-m", "build", "--outdir", dist, ROOT)  # the wheel is built from the sdist
        for archive in (*dist.glob("*.whl"), *dist.glob("*.tar.gz")):
            _try(archive, Path(scratch) / archive.suffix)


def _try(archive: Path, folder: Path) -> None:
    python = _environment(folder)
    site = next(path for path in folder.rglob("site-packages") if path.is_dir())
    before = _megabytes(site)
    _run(python, "-m", "pip", "install", "--quiet", archive)
    size = _megabytes(site) - before
    print(f"{archive.name}: {archive.stat().st_size / 1e6:.0f} MB, installed {size:.0f} MB")
    cir = python.with_name("cir.exe" if os.name == "nt" else "cir")
    with tempfile.TemporaryDirectory() as elsewhere:
        _run(cir, "--version", cwd=elsewhere)
        _run(python, "-c", _TRY, cwd=elsewhere)
        # What is missing is said in a sentence, not in a traceback.
        lacking = subprocess.run([cir, "app"], cwd=elsewhere, capture_output=True, text=True)
        if lacking.returncode != 2 or "pip install" not in lacking.stderr:
            sys.exit(f"cir app without its extra: {lacking.returncode}, {lacking.stderr}")
    if size > MOST_MEGABYTES:
        sys.exit(f"A base install takes {size:.0f} MB; at most {MOST_MEGABYTES} are allowed.")


def _environment(folder: Path) -> Path:
    """Make a virtual environment and return its interpreter."""
    venv.create(folder, with_pip=True)
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def _run(*command: object, cwd: str | None = None) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    subprocess.run([str(word) for word in command], check=True, cwd=cwd, env=environment)


if __name__ == "__main__":
    main()
