"""Checks of the arguments that a request gives to an endpoint."""

import json
from collections.abc import Sequence
from typing import Any

import gradio as gr
from gradio.block_function import BlockFunction
from gradio.blocks import Block
from gradio.state_holder import SessionState

from cir.errors import CirError, InputError
from cir.ui.server.remote_files import fetched


class CheckedBlocks(gr.Blocks):
    """`gr.Blocks` whose public endpoints refuse invalid arguments with one sentence.

    Gradio's components accept some of them (a text as a list of its letters) and fail on others
    without telling the caller why.
    """

    async def preprocess_data(
        self,
        block_fn: BlockFunction,
        inputs: list[Any],
        state: SessionState | None,
        explicit_call: bool = False,
    ) -> Any:
        """Check and convert the inputs of a request."""
        if block_fn.api_visibility != "public":
            return await super().preprocess_data(block_fn, inputs, state, explicit_call)
        try:
            check_arguments(block_fn.inputs, inputs)
            inputs = [await fetched(value) for value in inputs]
        except CirError as error:
            raise gr.Error(str(error), print_exception=False) from error
        try:
            return await super().preprocess_data(block_fn, inputs, state, explicit_call)
        except gr.Error:
            raise
        except Exception as error:  # the path of a file can raise many kinds
            raise gr.Error(
                f"A file of this request cannot be read ({_first_line(error)}); upload it first.",
                print_exception=False,
            ) from error


def check_arguments(wanted: Sequence[Block], given: Sequence[Any]) -> None:
    """Compare arguments with the types that the description of the API states.

    Raises:
        InputError: There are too few or too many, or one is of another type.
    """
    if len(given) != len(wanted):
        names = ", ".join(map(_name, wanted))
        raise InputError(
            f"{len(given)} arguments arrived; give all {len(wanted)}, null for those to leave out: "
            f"{names}."
        )
    for component, value in zip(wanted, given, strict=True):
        if not _fits(component, value):
            raise InputError(
                f"{_name(component)} is {_shown(value)}; give {_described(component)}."
            )


def _name(component: Block) -> str:
    return str(getattr(component, "label", ""))


def _fits(component: Block, value: Any) -> bool:
    if isinstance(component, gr.CheckboxGroup):
        choices = [choice for _, choice in component.choices]
        return isinstance(value, list) and all(one in choices for one in value)
    if value is None:
        return True
    if isinstance(component, gr.Audio):
        meta = value.get("meta") if isinstance(value, dict) else None
        is_file = isinstance(meta, dict) and meta.get("_type") == "gradio.FileData"
        return is_file and isinstance(value.get("path"), str)
    if isinstance(component, gr.Number):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, str)


def _described(component: Block) -> str:
    if isinstance(component, gr.Audio):
        return (
            'an uploaded sound file, {"path": ..., "meta": {"_type": "gradio.FileData"}}, as '
            "handle_file of gradio_client makes it"
        )
    if isinstance(component, gr.CheckboxGroup):
        return f"a list of some of {', '.join(str(value) for _, value in component.choices)}"
    return "a number" if isinstance(component, gr.Number) else "a text"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:60]}..."


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
