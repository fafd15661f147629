"""Train every model that the rows of the tables need.

python benchmarks/train_rows.py [benchmarks/tables.yaml]

Runs the commands that stand beside the rows (`made_by`), one after the other; an interrupted one
goes on where it stopped. On one CPU core the ten small models take an hour and a half.
"""

import argparse
import shlex
import subprocess
import sys
from pathlib import Path

from cir.evaluation.rows import load_rows


def main() -> None:
    """Train what is missing, in the order of the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="?", type=Path, default=Path(__file__).parent / "tables.yaml")
    for command in commands(parser.parse_args().rows):
        print(command, flush=True)
        subprocess.run([sys.executable, "-m", *shlex.split(command)], check=True)


def commands(path: Path) -> list[str]:
    """What makes the models of the rows, each once; a finished run returns at once."""
    rows = [row for table in load_rows(path).values() for row in table]
    return list(dict.fromkeys(row.made_by for row in rows if row.made_by and row.model))


if __name__ == "__main__":
    main()
