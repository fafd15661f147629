"""The About tab tells of the model that the page has, whichever it is."""

import gradio as gr
import pytest

from cir.ui.about_tab import build_about_tab
from cir.ui.service import PageService
from tests.fakes import SpectrumEncoder


class WithCard(SpectrumEncoder):
    """An encoder with a model card, as trained ones have."""

    card = "---\nlicense: gpl-3.0\n---\n\n# A model of mine\n\nIt heard gongs."


def texts(service: PageService) -> list[str]:
    with gr.Blocks() as page:
        build_about_tab(service)
    return [str(one.value) for one in page.blocks.values() if isinstance(one, gr.Markdown)]


@pytest.mark.slow
def test_a_model_has_its_own_card_and_no_other(service: PageService) -> None:
    own = texts(PageService(WithCard(), service.database))
    assert "# A model of mine\n\nIt heard gongs." in own
    assert not any("cir-base" in text for text in texts(service))
    assert any(text.startswith("# cir-base") for text in texts(PageService()))
