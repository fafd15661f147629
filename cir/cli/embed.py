"""`cir embed`: write embeddings of sound files."""

from pathlib import Path
from typing import Annotated

import typer

from cir.cli.options import FamilyOption, ModelOption, check_output, load_encoder, parse_families
from cir.cli.terminal import progress_bar
from cir.errors import InputError


def embed(
    files: Annotated[list[Path], typer.Argument(help="Sound files.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The .npz file to write.")],
    mixture: Annotated[
        bool, typer.Option("--mixture", help="The files are mixes: one embedding per family each.")
    ] = False,
    family: FamilyOption = None,
    model: ModelOption = None,
) -> None:
    """Embed sound files into a .npz file.

    It holds `embeddings`, (N, D) or with --mixture (N, F, D), float32 of unit norm; `files`, (N,);
    `model`, the identity of the model; and with --mixture `families`, (F,).
    """
    check_output(output, ".npz")
    families = parse_families(family)
    if families is not None and not mixture:
        raise InputError(
            "--family needs --mixture: a single sound has one embedding for all families."
        )
    import numpy as np

    from cir.files import replacing
    from cir.retrieval.retriever import DEFAULT_FAMILIES, read_sound
    from cir.retrieval.windows import embed_windows
    from cir.types import SAMPLE_RATE

    chosen = families or DEFAULT_FAMILIES
    for file in files:  # before the model is loaded
        if not file.is_file():
            read_sound(file)  # raises the error
    encoder = load_encoder(model)
    rows = []
    with progress_bar("Embedding", least_seconds=2.0) as progress:
        for done, file in enumerate(files, start=1):
            sound = read_sound(file)
            if mixture:
                rows.append(np.stack(list(embed_windows(sound, encoder, chosen).values())))
            else:
                rows.append(encoder.embed([sound], SAMPLE_RATE)[0])
            progress(done / len(files), "Embedding")
    arrays = {
        "embeddings": np.stack(rows),
        "files": np.array([str(file) for file in files]),
        "model": np.array(encoder.identity),
    }
    if mixture:
        arrays["families"] = np.array(chosen)
    with replacing(output) as temporary, temporary.open("wb") as out:
        np.savez(out, allow_pickle=False, **arrays)
    typer.echo(f"Wrote embeddings of shape {arrays['embeddings'].shape} to {output}.")
