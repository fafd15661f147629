"""`cir export`: the networks of a model for ONNX Runtime."""

from pathlib import Path
from typing import Annotated

import typer


def export(
    folder: Annotated[Path, typer.Argument(help="Folder of a model, such as runs/cir-tiny/model.")],
) -> None:
    """Let a model embed without torch: write its graphs beside its weights, and try them.

    A model without graphs runs in torch. The identity stays, and so do databases.
    """
    from cir.model.export_graphs import export_graphs

    difference = export_graphs(folder)
    typer.echo(f"Wrote the graphs of {folder}; embeddings differ by {difference:.1g} at most.")
