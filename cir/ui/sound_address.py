"""The address of a sound file on the page."""

from pathlib import Path
from urllib.parse import quote


def sound_address(path: Path) -> str:
    """Return the address of a sound file, relative to the page, so that proxies work too."""
    return f"gradio_api/file={quote(str(path))}"
