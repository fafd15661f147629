"""Loading a model the quickest way that this machine has."""

from importlib.util import find_spec
from pathlib import Path

from cir.errors import CheckpointError
from cir.model.checkpoint import BUNDLED_MODEL, GRAPHS_NAME
from cir.model.clip_encoder import ClipEncoder
from cir.model.graphs import MAKE_THEM


def load_encoder(source: str | Path | None = None, *, revision: str | None = None) -> ClipEncoder:
    """Load a trained model to embed and search with.

    ONNX Runtime runs it where the folder has graphs, else torch, where that is installed. Both
    give the same embeddings, within 1e-4, and the same identity.

    Args:
        source: None for the model in this package, a folder, a Hub id such as `user/model`, or a
            checkpoint file of the paper's authors.
        revision: Branch, tag or commit on the Hub.

    Raises:
        CheckpointError: Nothing there, or nothing that this library can read.
    """
    folder = BUNDLED_MODEL if source is None else Path(source).expanduser()
    if source is not None and not folder.exists():
        from cir.model.hub import resolve

        folder = resolve(source, revision)
        revision = None
    if revision is None and (folder / GRAPHS_NAME).is_file():
        from cir.model.onnx_encoder import OnnxEncoder

        return OnnxEncoder(folder)
    if find_spec("torch") is None:
        raise CheckpointError(
            f"{folder} has no graphs for ONNX Runtime: {MAKE_THEM} where torch is installed, or "
            "install torch here."
        )
    from cir.model.encoder import TimbreEncoder

    return TimbreEncoder.from_pretrained(folder, revision=revision)
