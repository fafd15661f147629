"""The wheel holds all that the commands need, and works without the repository."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.slow
if not (ROOT / "pyproject.toml").exists():
    pytest.skip("cir is installed without its repository", allow_module_level=True)
pytest.importorskip("hatchling")

NEEDED = (
    "cir/py.typed",
    "cir/configs/cir-tiny.yaml",
    "cir/configs/budgets/small.yaml",
    "cir/assets/model/config.json",
    "cir/assets/model/graphs.zip",
    "cir/assets/model/model.safetensors",
    "cir/assets/database/database.json",
    "cir/assets/examples/examples.json",
    "cir/assets/examples/COPYING.freedoom",
    "cir/ui/static/page.css",
)
MOST_BYTES = 100_000_000
"""PyPI's limit for a file."""
TYPES = """
[mypy]
strict = true

[mypy-chromadb.*,gradio.*,huggingface_hub.*,librosa.*,numba.*,torch.*,transformers.*]
follow_imports = skip
"""
"""To read these takes more than a minute, and the program uses none of it."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the wheel is unpacked into, read-only."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run(site: Path, where: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Python far from the repository, with the unpacked wheel in place of it."""
    environment = {**os.environ, "PYTHONPATH": str(site), "CIR_HOME": str(where / "home")}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    return subprocess.run(
        [sys.executable, *words], cwd=where, env=environment, capture_output=True, text=True
    )


def test_wheel_holds_what_is_needed_and_nothing_of_the_workshop(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert not set(NEEDED) - names
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"cir"}
    assert not [name for name in names if "__pycache__" in name or name.endswith(".lock")]
    assert wheel.stat().st_size < MOST_BYTES


def test_commands_run_from_the_wheel_and_leave_it_as_it_is(site: Path, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in site.rglob("*")}
    mix = site / "cir" / "assets" / "examples" / "mix-1.flac"
    found = run(site, tmp_path, "-m", "cir", "search", str(mix), "-f", "bass", "--json")
    assert found.returncode == 0, found.stderr
    (family,) = json.loads(found.stdout)["families"]
    assert len(family["matches"]) == 5
    assert Path(family["matches"][0]["preview"]).is_file()  # copied from the archive to the cache
    script = """
from cir.config import load_config
from cir.training.recipe import RecipeConfig
import cir.ui.serve
from cir.ui.page import build_page
from cir.ui.service import PageService
build_page(PageService())
print(cir.__file__, load_config("configs/cir-tiny.yaml", RecipeConfig).seed)
"""
    page = run(site, tmp_path, "-c", script)
    assert page.returncode == 0, page.stderr
    assert page.stdout.splitlines()[-1] == f"{site / 'cir' / '__init__.py'} 0"
    assert {path: path.stat().st_mtime_ns for path in site.rglob("*")} == before


def test_a_program_of_a_user_is_checked_against_our_types(site: Path, tmp_path: Path) -> None:
    (tmp_path / "mypy.ini").write_text(TYPES, encoding="utf-8")
    (tmp_path / "program.py").write_text(
        """
from pathlib import Path

from cir import FamilyResult, Match, load_encoder, search


def best(mix: Path) -> list[Match]:
    encoder = load_encoder()
    print(encoder.identity, encoder.embedding_size)
    results: list[FamilyResult] = search(mix, ["bass"], top_k=1, encoder=encoder)
    return [result.matches[0] for result in results]
""",
        encoding="utf-8",
    )
    checked = run(site, tmp_path, "-m", "mypy", "--cache-dir", "types", "program.py")
    assert checked.returncode == 0, checked.stdout
    wrong = (tmp_path / "program.py").read_text(encoding="utf-8").replace("top_k=1", "top_k='1'")
    (tmp_path / "program.py").write_text(wrong, encoding="utf-8")
    checked = run(site, tmp_path, "-m", "mypy", "--cache-dir", "types", "program.py")
    assert "incompatible type" in checked.stdout
