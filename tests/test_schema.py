from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from cir.errors import DataError, InputError
from cir.schema import (
    as_floats,
    parse_json,
    parse_values,
    read_arrays,
    read_json,
    read_rows,
    read_table,
    read_yaml,
)


@dataclass(frozen=True)
class Inner:
    sizes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Shape:
    name: str
    share: float = 0.5
    inner: Inner = field(default_factory=Inner)


def test_a_shape_is_read_with_the_shapes_inside_it() -> None:
    read = parse_json('{"name": "a", "share": 1, "inner": {"sizes": [1, 2]}}', Shape, "x")
    assert read == Shape("a", 1.0, Inner((1, 2)))
    assert parse_json('{"name": "a", "more": 1}', Shape, "x", extra="ignore") == Shape("a")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "x is empty"),
        ("{", "x is not JSON"),
        ("[" * 5_000, "x is not JSON"),
        ('{"name": "\\ud800"}', "x is not JSON"),
        ("\ud800", "not text in UTF-8"),
        ('{"name": "a"}, {"name": "b"}', "x"),
        ("[]", "must be a mapping"),
        ("{}", "name is missing"),
        ('{"name": 3}', "name must be text, got 3"),
        ('{"name": "a", "share": "b"}', "share is no number, got 'b'"),
        ('{"name": "a", "share": true}', "share is no number"),
        ('{"name": "a", "share": NaN}', "share is not finite"),
        ('{"name": "a", "share": 1e999}', "share is not finite"),
        ('{"name": "a", "inner": {"sizes": 3}}', "inner: sizes must be a list"),
        ('{"name": "a", "inner": {"size": 3}}', r"\['size'\] in x: inner; allowed are \['sizes'\]"),
        ('{"name": ' + '"a' * 100_000, "x is not JSON"),
        ('{"name": [' + "1," * 100_000 + "1]}", "name must be text"),
    ],
)
def test_anything_else_is_one_short_sentence(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        parse_json(text, Shape, "x")
    assert len(str(caught.value)) < 300
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "a: &a [1]\nb: *a\n",
        "[" * 5_000,
        "2001-99-99",
        "a: [",
        "\x00",
        "!!python/object:os.system x",
        "a: 0x" + "f" * 300_000,
        "? [1]\n: 2\n",
        "9" * 10_000,
    ],
)
def test_yaml_that_is_not_plain_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"a\.yaml"):
        parse_values(read_yaml(tmp_path / "a.yaml"), Shape, str(tmp_path / "a.yaml"))


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Cannot read"):
        read_json(tmp_path / "none.json", Shape, error=DataError)
    with pytest.raises(DataError, match="cannot be read"):
        read_rows(tmp_path / "none.csv", ["a"])


@dataclass(frozen=True)
class Row:
    name: str
    count: int
    share: float


def test_a_table_is_read_by_its_shape(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("count,more,name,share\n3,x,a,0.5\n")
    assert read_table(tmp_path / "a.csv", Row, ("name", "count", "share")) == [Row("a", 3, 0.5)]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("x,a,0.5", "row 2: count"),
        ("1,a,nan", "row 2: share is not finite"),
        ("1,a,1e400", "row 2: share is not finite"),
        ("1,a", "line 3: the row must have as many fields"),
        ("1,a\rb,0.5", "not CSV in UTF-8|must have as many"),
        (f'1,"{"x" * 200_000}",0.5', "field larger"),
        ('1,"a', "not CSV in UTF-8"),
    ],
)
def test_a_faulty_row_is_named(tmp_path: Path, line: str, words: str) -> None:
    with (tmp_path / "a.csv").open("w", newline="") as file:
        file.write(f"count,name,share\n1,a,0.1\n{line}\n")
    with pytest.raises(DataError, match=words):
        read_table(tmp_path / "a.csv", Row, ("name", "count", "share"))


def test_arrays_are_floats_and_finite(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(save({"a": np.ones((2, 3), np.float64)}))
    assert as_floats(read_arrays(path)["a"], "a").dtype == np.float32
    for odd in (np.ones(2, np.int64), np.array([1.0, np.nan]), np.array([1e300])):
        with pytest.raises(DataError, match="must hold"):
            as_floats(odd, "a")
    path.write_bytes(b"\xff" * 100)
    with pytest.raises(DataError, match="cannot be read as safetensors"):
        read_arrays(path)
