"""Each key of the results does one thing, and the list of keys on the page names it."""

import re
from collections import Counter
from pathlib import Path

import cir.ui
from cir.ui.card_actions import KEYS

STATIC = Path(cir.ui.__file__).parent / "static"


def bound_keys() -> list[str]:
    """Letters that the scripts of the page listen for."""
    keys = (STATIC / "search" / "keys.js").read_text(encoding="utf-8")
    acts = keys[keys.index("const ACTS = {") : keys.index("};", keys.index("const ACTS = {"))]
    found = re.findall(r"^ {4}(\w): ", acts, re.MULTILINE)
    found += re.findall(r'key === "(\w)"', keys)
    for script in STATIC.rglob("*.js"):
        found += re.findall(r'cirKeys\.add\("(\w)"', script.read_text(encoding="utf-8"))
    return found


def test_no_key_does_two_things() -> None:
    counts = Counter(bound_keys())
    assert {"j", "k", "p", "a", "d"} <= set(counts)
    assert [key for key, count in counts.items() if count > 1] == []


def test_the_list_on_the_page_has_every_key() -> None:
    listed = {key.lower() for key, _ in KEYS if len(key) == 1}
    assert listed == set(bound_keys()) - {"j", "k"}  # the arrows' other names
