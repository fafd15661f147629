"""What the events of all tabs and endpoints share: the queue of the model, and progress."""

from typing import Any

import gradio as gr

from cir.types import Progress

ON_MODEL: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "model"}
"""Options of events that run the model: one at a time, all in one queue."""


def report_to(progress: gr.Progress) -> Progress:
    """Return a callback that shows progress on the page."""
    return lambda done, words: progress(done, desc=words)
