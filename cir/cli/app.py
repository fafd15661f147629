"""`cir app`: the web page."""

from typing import Annotated

import typer


def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; this machine only by default.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="7860, or $PORT, by default.")] = None,
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(
            help="Host name that the page answers to, besides localhost, IP addresses and this "
            "machine's names: for a proxy or a domain; may be repeated. $CIR_ALLOWED_HOSTS names "
            "further ones."
        ),
    ] = None,
    mcp: Annotated[bool, typer.Option("--mcp", help="Serve MCP too, at /gradio_api/mcp/.")] = False,
) -> None:
    """Serve the web page until Ctrl-C.

    CIR_MODEL and CIR_DATABASE replace the bundled model and database: folders, or repositories of
    the Hugging Face Hub.
    """
    import os

    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    from cir.ui.serve import serve as serve_page

    serve_page(host=host, port=port, mcp=mcp, hosts=allowed_host or ())
