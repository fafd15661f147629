"""Make a model folder of the weights that came back.

python -m benchmarks.gpu.assemble FOLDER_OF_SHARDS MODEL
"""

import argparse
import sys
from pathlib import Path

from benchmarks.gpu.shards import load_weights, read_network_config
from cir.errors import CirError, InputError
from cir.model.conv_ast import ConvAst
from cir.model.encoder import TimbreEncoder


def assemble(shards: Path, model: Path) -> None:
    """Write the model that shards hold.

    Args:
        shards: Folder of the shards of both stages.
        model: Folder to write, for `TimbreEncoder.from_pretrained`.

    Raises:
        CheckpointError: There are no shards, or they are damaged.
        InputError: The second stage had not begun, so that there are no answers about mixtures.
    """
    network = ConvAst(read_network_config(shards))
    if not load_weights(shards, network):
        raise InputError(f"{shards} holds notes alone; train mixtures from them first.")
    TimbreEncoder(network.eval(), "cpu").save_pretrained(model)


def main() -> None:
    """Assemble, or say why not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("shards", type=Path)
    parser.add_argument("model", type=Path)
    given = parser.parse_args()
    try:
        assemble(given.shards, given.model)
    except CirError as error:
        print(f"assemble: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
