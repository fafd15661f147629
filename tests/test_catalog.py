from dataclasses import replace
from pathlib import Path

import pytest

from cir.errors import DataError, InputError
from cir.instruments.catalog import COLUMNS, Catalog, make_instrument_id
from cir.types import Instrument

BASS = Instrument(
    instrument_id="factory-basses-round",
    name='Round, "warm"\nand Ünïcode',
    family="bass",
    category="Basses",
    bank="factory",
    author="Claes",
    licence="GPL-3.0-or-later (Surge)",
    source="surge",
    engine="bank:surge#factory-basses-round",
)
ARP = replace(BASS, instrument_id="pack-arp", name="Arp", family=None, bank="pack", category="")
SNARE = replace(
    BASS, instrument_id="snare-1", family="percussion", source="samples", engine="samples:a#b"
)


def test_rows_are_found_by_position_and_id() -> None:
    catalog = Catalog([BASS, ARP])
    assert len(catalog) == 2
    assert list(catalog) == [BASS, ARP]
    assert catalog[1] is ARP
    assert list(catalog[:1]) == [BASS]
    assert catalog.by_id("pack-arp") is ARP
    assert catalog.ids == ("factory-basses-round", "pack-arp")
    assert BASS in catalog
    assert SNARE not in catalog
    with pytest.raises(InputError, match="None of the 2 instruments has the id 'nothing'"):
        catalog.by_id("nothing")


def test_filters_combine_and_keep_the_order() -> None:
    catalog = Catalog([BASS, ARP, SNARE])
    assert list(catalog.filter(source="surge")) == [BASS, ARP]
    assert list(catalog.filter(source="surge", family="bass")) == [BASS]
    assert list(catalog.filter(bank="pack")) == [ARP]
    assert list(catalog.filter(bank="none such")) == []
    assert list(catalog.filter()) == [BASS, ARP, SNARE]
    with pytest.raises(InputError, match="kazoo"):
        catalog.filter(family="kazoo")


def test_csv_round_trip_is_exact(tmp_path: Path) -> None:
    catalog = Catalog([BASS, ARP, SNARE])
    path = tmp_path / "instruments.csv"
    catalog.to_csv(path)
    assert Catalog.from_csv(path) == catalog
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"instrument_id": ""}, "lower-case letters"),
        ({"instrument_id": "../../etc/passwd"}, "lower-case letters"),
        ({"instrument_id": "Upper"}, "lower-case letters"),
        ({"instrument_id": "a--b"}, "lower-case letters"),
        ({"instrument_id": "a\n"}, "lower-case letters"),
        ({"instrument_id": "a" * 121}, "at most 120"),
        ({"family": "kazoo"}, "unknown family 'kazoo'"),
        ({"family": ""}, "unknown family ''"),
        ({"name": " "}, "name must not be empty"),
        ({"bank": ""}, "bank must not be empty"),
        ({"source": ""}, "source must not be empty"),
        ({"engine": "nothing"}, "scheme:reference"),
    ],
)
def test_faulty_rows_are_refused_by_their_number(change: dict[str, str], complaint: str) -> None:
    faulty = Instrument(**{**{name: getattr(BASS, name) for name in COLUMNS}, **change})
    with pytest.raises(DataError, match=rf"(?s)Row 2 .*{complaint}"):
        Catalog([ARP, faulty])


def test_ids_are_unique() -> None:
    with pytest.raises(DataError, match="'pack-arp' occurs 2 times"):
        Catalog([ARP, BASS, ARP])


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "lacks the column"),
        (b"instrument_id,name\na,b\n", "lacks the column.* family, category"),
        (",".join(COLUMNS).encode() + b"\na,b\n", "line 2: the row must have as many fields"),
        (",".join(COLUMNS).encode() + b"\n" + b"x," * 12, "line 2: the row must have as many"),
        (",".join(COLUMNS).encode() + b"\n\xff\xfe", "not CSV in UTF-8"),
        (",".join(COLUMNS).encode() + b'\n"open', "not CSV in UTF-8"),
        (",".join(COLUMNS).encode() + b"\nA,b,,,c,,,d,e:f\n", "Row 1"),
    ],
)
def test_faulty_files_are_refused_by_name(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "instruments.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"instruments\.csv.*{complaint}"):
        Catalog.from_csv(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        Catalog.from_csv(tmp_path / "none.csv")


def test_further_columns_are_ignored(tmp_path: Path) -> None:
    path = tmp_path / "instruments.csv"
    path.write_text("extra," + ",".join(COLUMNS) + "\n1,a,Name,bass,,Bank,,,user,samples:x\n")
    assert Catalog.from_csv(path)[0].name == "Name"


def test_ids_are_made_of_names() -> None:
    made = make_instrument_id("TimGM6mb", "000", "033", "Fingered  Bass!")
    assert made == "timgm6mb-000-033-fingered-bass"
    assert make_instrument_id("Ünï", 7) == "uni-7"
    assert len(make_instrument_id("x" * 500)) == 120
    with pytest.raises(InputError, match="letter"):
        make_instrument_id("鼓", "!")
