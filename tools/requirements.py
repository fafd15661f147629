"""The pins for pip, exported from uv.lock: `python -m tools.requirements`.

`uv lock` resolves pyproject.toml for all systems (pip install uv); this writes the same versions
to requirements.txt and requirements-dev.txt, which pip alone can install. The packages of CUDA are
left out, since torch asks for those that its build needs.
"""

import re
import subprocess
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
_CUDA = re.compile(r"(nvidia-|cuda-|triton)")
_HEADS = {
    "requirements.txt": """\
# Written by `python -m tools.requirements` from uv.lock: one set of versions that is tested
# together, whole. `pip install -r requirements.txt` and nothing else.
# torch from PyPI brings CUDA along on Linux. For the much smaller CPU build:
#   PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make app
# Not here on purpose: torchaudio (requirements-gpu.txt), tinysoundfont (requirements-nodeps.txt),
# surgepy (on no registry) and the synthesizers of the extra `synths` (GPL 3).
""",
    "requirements-dev.txt": """\
# Written by `python -m tools.requirements` from uv.lock: what `make test` needs on top of
# requirements.txt. The tests of engines use packages under GPL 3, and skip where there is no wheel.
-r requirements.txt
""",
}
_PYTHONS = ("3.11.0", "3.11.9", "3.12.9", "3.13.9")
_SYSTEMS = (("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"), ("win32", "AMD64"))
_HAVE_FEW_WHEELS = ("vita", "dexed-py", "dawdreamer")
_FEW = "sys_platform == 'linux' and platform_machine == 'x86_64' and python_version < '3.14'"


def main() -> None:
    """Write both files anew."""
    needed = _export("app", "evaluate")
    everything = _export("test", "synths")
    names = {_name(line) for line in needed}
    tools = [line for line in everything if _name(line) not in names]
    for file, lines in (("requirements.txt", needed), ("requirements-dev.txt", tools)):
        (ROOT / file).write_text(_HEADS[file] + "\n".join(lines) + "\n", encoding="utf-8")


def _export(*extras: str) -> list[str]:
    """Return a line for each package of the base and of extras."""
    command = ["uv", "export", "--frozen", "--no-hashes", "--no-annotate", "--no-header"]
    command += ["--no-emit-project", "--format", "requirements.txt"]
    command += [word for extra in extras for word in ("--extra", extra)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if line and not line.startswith("#")]
    return [_with_marker(line) for line in lines if not _CUDA.match(line)]


def _with_marker(line: str) -> str:
    """Leave out a marker that holds on all machines that the lock is for."""
    found = Requirement(line)
    pin = line.partition(";")[0].strip()
    if found.name in _HAVE_FEW_WHEELS:
        return f"{pin} ; {_FEW}"
    if found.marker is None or all(found.marker.evaluate(one) for one in _machines()):
        return pin
    return f"{pin} ; {found.marker}"


def _machines() -> Iterator[dict[str, str]]:
    """Yield what `environments` in pyproject.toml allows."""
    for python, (system, machine) in product(_PYTHONS, _SYSTEMS):
        yield {
            "python_version": python.rpartition(".")[0],
            "python_full_version": python,
            "sys_platform": system,
            "platform_machine": machine,
            "platform_python_implementation": "CPython",
        }


def _name(line: str) -> str:
    return Requirement(line).name


if __name__ == "__main__":
    main()
