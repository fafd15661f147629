"""How the page looks and is launched; what it loads comes from this server, never from another."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import gradio as gr

from cir.ui.server.app_options import app_options
from cir.ui.server.hosts import allowed_hosts
from cir.ui.server.request_limits import MAX_FILE_MB

SYSTEM_FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif"]
MONOSPACE_FONTS = ["ui-monospace", "SFMono-Regular", "Consolas", "monospace"]


_SCRIPTS = ("player.js", "keys.js", "inbox.js", "address.js")
"""Scripts of the whole page; the others belong to one component each."""


def static_text(name: str) -> str:
    """Read a file of `cir/ui/static`."""
    return (files("cir.ui") / "static" / name).read_text(encoding="utf-8")


def _joined(suffix: str) -> str:
    """Join all files of `cir/ui/static` with this ending, in order of their names."""
    folder = files("cir.ui") / "static"
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(suffix))
    return "\n".join(static_text(name) for name in names)


def page_theme() -> gr.themes.Base:
    """Build the theme: Gradio's own, one accent, and the fonts that the visitor has."""
    theme = gr.themes.Default(
        primary_hue="indigo",
        secondary_hue="indigo",
        neutral_hue="slate",
        radius_size="lg",
        font=SYSTEM_FONTS,
        font_mono=MONOSPACE_FONTS,
    )
    # Gradio's small print is too pale to read: 2.6 to 1 on white.
    return theme.set(
        body_text_color_subdued="*neutral_500",
        block_info_text_color="*neutral_500",
        body_text_color_subdued_dark="*neutral_400",
        block_info_text_color_dark="*neutral_400",
        # White on Gradio's own indigo has 4.47 to 1, a hair too little.
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
    )


def launch_options(hosts: Sequence[str] | None = None) -> dict[str, Any]:
    """Collect what `gradio.Blocks.launch` must be given for the page to look and work right.

    Args:
        hosts: Names that the page answers to; None: those of
            `cir.ui.server.hosts.allowed_hosts`.
    """
    return {
        "theme": page_theme(),
        "css": _joined(".css"),
        "head": "".join(f"<script>{static_text(name)}</script>" for name in _SCRIPTS),
        "max_file_size": f"{MAX_FILE_MB}mb",
        "app_kwargs": app_options(allowed_hosts() if hosts is None else hosts),
        "footer_links": ["api"],
        "run_history": False,
        "ssr_mode": False,
        "pwa": False,
    }
