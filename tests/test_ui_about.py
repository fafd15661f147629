"""The About tab tells of the model that the page has, whichever it is."""

from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest

from cir.index.database import InstrumentDatabase
from cir.ui.about_tab import build_about_tab
from cir.ui.service import PageService
from tests.fakes import SpectrumEncoder
from tests.page.database import make_database

CARD = "---\nlicense: gpl-3.0\n---\n\n# A model of mine\n\nIt heard gongs."


class WithCard(SpectrumEncoder):
    """An encoder with a model card, as trained ones have."""

    card = CARD


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InstrumentDatabase]:
    monkeypatch.setenv("CIR_HOME", str(tmp_path / "home"))
    with make_database(tmp_path / "database", SpectrumEncoder()) as made:
        yield made


def texts(service: PageService) -> list[str]:
    with gr.Blocks() as page:
        build_about_tab(service)
    return [str(one.value) for one in page.blocks.values() if isinstance(one, gr.Markdown)]


def test_a_model_of_ones_own_has_its_own_card(database: InstrumentDatabase) -> None:
    shown = texts(PageService(WithCard(), database))
    assert "# A model of mine\n\nIt heard gongs." in shown


def test_the_card_of_the_bundled_model_is_not_shown_for_another(
    database: InstrumentDatabase,
) -> None:
    assert not any("cir-small" in text for text in texts(PageService(SpectrumEncoder(), database)))


def test_the_bundled_model_has_its_card() -> None:
    assert any(text.startswith("# cir-small") for text in texts(PageService()))
