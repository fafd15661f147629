"""Look of the page and options of its launch. All scripts and styles come from this server."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import gradio as gr

from cir.ui.server.app_options import app_options
from cir.ui.server.host_check import allowed_hosts
from cir.ui.server.request_limits import MAX_FILE_MB

SYSTEM_FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif"]
MONOSPACE_FONTS = ["ui-monospace", "SFMono-Regular", "Consolas", "monospace"]

_SCRIPTS = (
    "player.js",
    "search/keys.js",
    "search/drop_and_paste.js",
    "address.js",
    "basket/basket.js",
)
"""Scripts of the whole page. Each other script belongs to one component."""

_STYLES = (
    "learn/learn.css",
    "timbre_map/map.css",
    "own/own.css",
    "page.css",
    "search/search.css",
    "basket/basket.css",
)


def static_text(*names: str) -> str:
    """Read files of `cir/ui/static`, joined in this order."""
    folder = files("cir.ui") / "static"
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)


def page_theme() -> gr.themes.Base:
    """Build the theme: Gradio's default with one accent colour and system fonts."""
    theme = gr.themes.Default(
        primary_hue="indigo",
        secondary_hue="indigo",
        neutral_hue="slate",
        radius_size="lg",
        font=SYSTEM_FONTS,
        font_mono=MONOSPACE_FONTS,
    )
    # Gradio's subdued text has a contrast of only 2.6 on white, its indigo buttons 4.47.
    return theme.set(
        body_text_color_subdued="*neutral_500",
        block_info_text_color="*neutral_500",
        body_text_color_subdued_dark="*neutral_400",
        block_info_text_color_dark="*neutral_400",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
    )


def launch_options(hosts: Sequence[str] | None = None) -> dict[str, Any]:
    """Collect the arguments of `gradio.Blocks.launch` that the page needs.

    Args:
        hosts: Host names that the page answers to; None takes
            `cir.ui.server.host_check.allowed_hosts()`.
    """
    return {
        "theme": page_theme(),
        "css": static_text(*_STYLES),
        "head": "".join(f"<script>{static_text(name)}</script>" for name in _SCRIPTS)
        + f"<style>{static_text('phone.css')}</style>",
        "max_file_size": f"{MAX_FILE_MB}mb",
        "app_kwargs": app_options(allowed_hosts() if hosts is None else hosts),
        "footer_links": ["api"],
        "i18n": gr.I18n(en={"common.complete": "Done"}),  # Gradio announces it, and lacks it
        "run_history": False,
        "ssr_mode": False,
        "pwa": False,
    }
