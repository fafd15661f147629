"""The MCP server, asked over HTTP by the protocol's own client."""

import asyncio
import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import TextContent

from cir.audio.io import save_wav
from cir.ui.api.endpoints import API_NAMES
from cir.ui.api.mcp_tools import MCP_TOOLS
from tests.fakes import tone
from tests.page.database import LOWEST_HZ, serve_page

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve_page(tmp_path_factory.mktemp("mcp"), with_tools=True) as url:
        yield url


async def call(address: str, method: str, *arguments: Any) -> Any:
    async with (
        streamable_http_client(f"{address}gradio_api/mcp/") as (reader, writer, _),
        ClientSession(reader, writer) as session,
    ):
        await session.initialize()
        return await getattr(session, method)(*arguments)


def ask(address: str, tool: str, is_refused: bool = False, **arguments: Any) -> str:
    """Call a tool: its answer, or why there is none."""
    result = asyncio.run(call(address, "call_tool", tool, arguments))
    assert result.isError is is_refused, result.content
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


def test_three_tools_are_described(address: str) -> None:
    tools = {tool.name: tool for tool in asyncio.run(call(address, "list_tools")).tools}
    assert set(tools) == set(MCP_TOOLS)
    assert "Answers JSON" in str(tools["find_instruments"].description)
    for name, expected in {
        "find_instruments": "mix families top_k start_seconds end_seconds",
        "similar_instruments": "instrument_id sound top_k family",
        "describe_sound": "sound",
    }.items():
        parameters = tools[name].inputSchema["properties"]
        assert " ".join(parameters) == expected
        assert all(parameter["description"] for parameter in parameters.values())


def test_tools_answer(address: str, mix: Path, tmp_path: Path) -> None:
    found = ask(address, "find_instruments", mix=encoded(mix), families=["bass"], top_k=3)
    (result,) = json.loads(found)["families"]
    ranks = [(match["family"], match["rank"]) for match in result["matches"]]
    assert ranks == [("bass", 1), ("bass", 2), ("bass", 3)]
    found = ask(address, "similar_instruments", instrument_id="bass-3", top_k=2)
    names = [match["instrument_id"] for match in json.loads(found)["matches"]]
    assert len(names) == 2 and "bass-3" not in names
    save_wav(tmp_path / "note.wav", tone(LOWEST_HZ["bass"], 2.0), 16_000)
    found = ask(address, "describe_sound", sound=encoded(tmp_path / "note.wav"))
    assert json.loads(found)["timbre"]["brightness_hz"] < 300


def test_questions_without_an_answer_are_errors_of_one_sentence(address: str) -> None:
    text = ask(address, "similar_instruments", is_refused=True, instrument_id="nobody")
    assert "no instrument 'nobody'" in text
    assert "Traceback" not in text
    for tool in (*API_NAMES, "lambda", "nothing"):
        text = ask(address, tool, is_refused=True, words="bass")
        assert text == f"Unknown tool for this Gradio app: {tool}"


def encoded(path: Path) -> str:
    return f"data:audio/wav;base64,{base64.b64encode(path.read_bytes()).decode()}"
