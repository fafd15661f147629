"""Fit a model that was trained here to sound, as `cir train` does at its end.

python -m benchmarks.gpu.fit MODEL OUT --data bank:FOLDER --cache FOLDER
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from cir.datasets.registry import open_dataset
from cir.errors import CheckpointError, CirError
from cir.mixtures.mixture_config import PAPER_FAMILIES
from cir.model.conv_ast import ConvAst
from cir.model.encoder import TimbreEncoder
from cir.training.feature_cache import FeatureCache
from cir.training.sound_fit import N_MIXTURES, FitSource, fit_to_sound


def fit(model: str, out: Path, sources: Sequence[str], cache: Path) -> None:
    """Write the model, fitted to sound.

    Args:
        model: Folder or Hub id of a model with family queries.
        out: Folder to write, for `TimbreEncoder.from_pretrained`.
        sources: Training data of the paper's families.
        cache: Where features are kept; those that are missing are computed.

    Raises:
        CirError: The model or the data cannot be used.
    """
    encoder = TimbreEncoder.from_pretrained(model, device="cpu")
    network = encoder.network
    if not isinstance(network, ConvAst) or not set(PAPER_FAMILIES) <= set(network.config.families):
        raise CheckpointError(f"{model} does not answer for {', '.join(PAPER_FAMILIES)}.")
    if network.note_head.is_multiplied:
        raise CheckpointError(f"{model} is fitted to sound already; give the model before it was.")
    datasets = [open_dataset(source, seed=0) for source in sources]
    bands = network.config.bands
    caches = [FeatureCache.open(cache, dataset, bands) for dataset in datasets]
    fit_to_sound(network, list(map(FitSource, datasets, caches)), PAPER_FAMILIES, N_MIXTURES)
    encoder.save_pretrained(out)


def main() -> None:
    """Fit, or say why not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", action="append", required=True)
    parser.add_argument("--cache", type=Path, required=True)
    given = parser.parse_args()
    try:
        fit(given.model, given.out, given.data, given.cache)
    except CirError as error:
        print(f"fit: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
