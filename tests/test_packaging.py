"""The files that install us agree with each other: ranges, pins, extras and the Space."""

import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import cir
from tests.test_layout import MODULES, packages_of

ROOT = Path(cir.__file__).parent.parent
if not (ROOT / "pyproject.toml").exists():
    pytest.skip("cir is installed without its repository", allow_module_level=True)


# Used where they import; the code says what to do where they do not.
OPTIONAL_IMPORTS = {
    "faiss",
    "pyarrow",
    "IPython",
    "tinysoundfont",
    "vita",
    "surgepy",
    "torchaudio",
    "spaces",
}
NOT_IMPORTED = {
    "pretty-midi",  # ships TimGM6mb.sf2
    "tensorboardx",  # accelerate imports it
}


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


def test_pins_lie_within_the_packages_ranges(project: dict[str, Any]) -> None:
    pins = read_requirements("requirements.txt")
    for text in project["dependencies"]:
        wanted = Requirement(text)
        pin = pins[canonicalize_name(wanted.name)]
        assert wanted.specifier.contains(pinned_version(pin)), f"{pin} is not in {wanted}"
        assert wanted.extras == pin.extras


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_everything_is_pinned(name: str) -> None:
    for requirement in read_requirements(name).values():
        pinned_version(requirement)


def test_what_cannot_be_installed_everywhere_is_not_required(project: dict[str, Any]) -> None:
    troublesome = {"torchaudio", "surgepy", "tinysoundfont", "vita", "pyaudio", "demucs"}
    wanted = {canonicalize_name(Requirement(text).name) for text in project["dependencies"]}
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


def test_what_is_imported_is_required_and_the_reverse(project: dict[str, Any]) -> None:
    required = {canonicalize_name(Requirement(text).name) for text in project["dependencies"]}
    distributions = packages_distributions()
    imported_anywhere = {name for path in MODULES.values() for name in packages_of(path)}
    imported = {
        canonicalize_name(distributions.get(name, [name])[0])
        for name in imported_anywhere - OPTIONAL_IMPORTS
    }
    assert imported | NOT_IMPORTED == required
