"""The files that install us agree with each other: ranges, pins, extras and the Space."""

import re
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import cir
from cir.extras import how_to_install
from tests.test_layout import MODULES, packages_of

ROOT = Path(cir.__file__).parent.parent
if not (ROOT / "pyproject.toml").exists():
    pytest.skip("cir is installed without its repository", allow_module_level=True)


# Used where they import; the code says what to do where they do not.
OPTIONAL_IMPORTS = {
    "faiss",
    "pyarrow",
    "ray",
    "IPython",
    "tinysoundfont",
    "vita",
    "surgepy",
    "torchaudio",
    "spaces",
}
NOT_IMPORTED = {
    "onnx",  # torch's exporter imports them
    "onnxscript",
    "pretty-midi",  # ships TimGM6mb.sf2
    "tensorboardx",  # accelerate imports it
}
USED_BY = ("app", "train", "evaluate")
"""Extras that parts of the package need; the others bring engines and tools."""


def read_requirements(name: str) -> dict[str, Requirement]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    found = [Requirement(line) for line in lines if line and line[0] not in "#-"]
    return {canonicalize_name(requirement.name): requirement for requirement in found}


def pinned_version(requirement: Requirement) -> str:
    (specifier,) = requirement.specifier
    assert specifier.operator == "==", f"{requirement} is not pinned"
    return specifier.version


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    table: dict[str, Any] = tomllib.loads(text)["project"]
    return table


def required(project: dict[str, Any], *extras: str) -> dict[str, Requirement]:
    """Requirements of the base and of extras, by name."""
    texts = [*project["dependencies"]]
    for extra in extras:
        texts += project["optional-dependencies"][extra]
    found = [Requirement(text) for text in texts if not text.startswith("cir-instruments")]
    return {canonicalize_name(one.name): one for one in found}


def test_pins_lie_within_the_packages_ranges(project: dict[str, Any]) -> None:
    pins = read_requirements("requirements.txt")
    for name, wanted in required(project, *USED_BY).items():
        version = pinned_version(pins[name])
        assert wanted.specifier.contains(version), f"{version} is not in {wanted}"


def test_the_pins_are_those_of_the_lock() -> None:
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    locked: dict[str, set[str]] = {}
    for package in lock["package"]:
        locked.setdefault(package["name"], set()).add(package.get("version", ""))
    for file in ("requirements.txt", "requirements-dev.txt"):
        for name, pin in read_requirements(file).items():
            assert pinned_version(pin) in locked[name], f"{pin}: run `python -m tools.requirements`"


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_everything_is_pinned(name: str) -> None:
    for requirement in read_requirements(name).values():
        pinned_version(requirement)


def test_what_cannot_be_installed_everywhere_is_not_required(project: dict[str, Any]) -> None:
    troublesome = {"torchaudio", "surgepy", "tinysoundfont", "vita", "pyaudio", "demucs"}
    wanted = required(project, *USED_BY).keys()
    assert not troublesome & (wanted | read_requirements("requirements.txt").keys())


def test_requirements_are_one_file_for_one_plain_command() -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert not [line for line in lines if line.startswith("-")]


def test_the_space_has_our_versions() -> None:
    ours, theirs = (
        read_requirements("requirements.txt"),
        read_requirements("spaces/requirements.txt"),
    )
    assert theirs.keys() <= ours.keys()
    for name, requirement in theirs.items():
        assert pinned_version(requirement) == pinned_version(ours[name])


def test_the_space_is_described_as_the_hub_wants_it() -> None:
    text = (ROOT / "spaces" / "README.md").read_text(encoding="utf-8")
    header = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    assert header
    card = yaml.safe_load(header[1])
    gradio = pinned_version(read_requirements("requirements.txt")["gradio"])
    assert (card["sdk"], card["sdk_version"], card["python_version"]) == ("gradio", gradio, "3.11")
    assert (ROOT / card["app_file"]).is_file()
    assert 0 < len(card["short_description"]) <= 60
    assert card["license"] == "apache-2.0"


def test_version_is_the_packages(project: dict[str, Any]) -> None:
    assert project["version"] == cir.__version__


_known = cache(packages_distributions)


def distributions_of(packages: set[str]) -> set[str]:
    known = _known()
    return {canonicalize_name(known.get(one, [one])[0]) for one in packages}


def test_what_is_imported_is_required_and_the_reverse(project: dict[str, Any]) -> None:
    imported = {name for path in MODULES.values() for name in packages_of(path)}
    wanted = required(project, *USED_BY).keys()
    assert distributions_of(imported - OPTIONAL_IMPORTS) | NOT_IMPORTED == wanted


@pytest.mark.slow
def test_extras_are_named_where_they_are_missing(project: dict[str, Any]) -> None:
    base = required(project).keys()
    imported = {name for path in MODULES.values() for name in packages_of(path)}
    for package in sorted(imported - OPTIONAL_IMPORTS):
        (distribution,) = distributions_of({package})
        advice = how_to_install(ModuleNotFoundError(package, name=f"{package}.part"))
        if distribution in base:
            assert advice is None, package
            continue
        assert advice is not None, f"{package}: cir/extras.py lacks it"
        extra = advice.split("[")[1].split("]")[0]
        assert distribution in required(project, extra), advice


def test_licence_names_what_is_inside(project: dict[str, Any]) -> None:
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    for name, words in (
        ("Apache-2.0", "Apache License, Version 2.0"),
        ("GPL-3.0-or-later", "version 3\n  or later"),
        ("GPL-2.0-only", "GNU General Public License, version 2."),
        ("BSD-3-Clause", "BSD 3-clause"),
    ):
        assert name in project["license"] and words in notice, name
    assert all((ROOT / name).is_file() for name in project["license-files"])


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == cir.__version__
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## {cir.__version__}" in changes


def test_continuous_integration_runs_what_is_here() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        text = path.read_text(encoding="utf-8")
        assert yaml.safe_load(text)["jobs"]
        assert set(re.findall(r"\bmake ([a-z-]+)", text)) <= targets
        assert all((ROOT / name).is_file() for name in re.findall(r"\.ci/[a-z_.-]+", text))
