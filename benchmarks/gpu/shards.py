"""Weights as they come back: half precision, in files small enough for the way."""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from cir.errors import CheckpointError, InputError
from cir.files import replacing
from cir.model.conv_ast import ConvAst
from cir.model.network_config import ConvAstConfig, read_config
from cir.training.checkpoint_tensors import to_stored

LARGEST = 15 * 2**20
"""Bytes; the way back takes 16 MiB a file."""
MOST = 6
"""Files of weights; it takes 8 files in all, the log among them."""
_SHARD = "weights-*.safetensors"
_OF_MIXTURES = ("mixtures.", "family_head.")


def save_shards(folder: Path, network: ConvAst, *, with_mixtures: bool) -> list[Path]:
    """Write the weights, matrices as float16.

    Vectors stay as they are: running variances leave the range of float16.

    Args:
        folder: Shards in it are replaced.
        network: Whose weights.
        with_mixtures: Whether its second stage has begun; if not, half of it means nothing.

    Raises:
        InputError: The network is too large for the way back.
    """
    shards: list[dict[str, Tensor]] = [{}]
    filled = 0
    for name, value in network.state_dict().items():
        if name.startswith(_OF_MIXTURES) and not with_mixtures:
            continue
        stored = value.detach().half() if value.ndim > 1 else value.detach()
        if filled + stored.nbytes > LARGEST:
            shards.append({})
            filled = 0
        shards[-1][name] = stored.cpu().contiguous()
        filled += stored.nbytes
    if len(shards) > MOST:
        raise InputError(f"The network fills {len(shards)} files, {MOST} come back: make it less.")
    config = {"config": network.config.to_json(), "shards": json.dumps(len(shards))}
    paths = []
    for number, shard in enumerate(shards):
        paths.append(folder / _SHARD.replace("*", str(number)))
        with replacing(paths[-1]) as temporary:
            save_file(shard, temporary, config)
    return paths


def save_weights(path: Path, network: ConvAst) -> None:
    """Write the weights as they are, into one file that does not come back."""
    with replacing(path) as temporary:
        save_file(to_stored(network.state_dict()), temporary)


def read_network_config(folder: Path) -> ConvAstConfig:
    """Read the sizes of the network whose shards lie in a folder.

    Raises:
        CheckpointError: There are none, or they are damaged.
    """
    try:
        with safe_open(folder / _SHARD.replace("*", "0"), "pt") as file:
            config = read_config(file.metadata()["config"])
    except (OSError, SafetensorError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"No {_SHARD} that can be read lies in {folder} ({error}); name a folder of weights."
        ) from error
    if not isinstance(config, ConvAstConfig):
        raise CheckpointError(f"The weights in {folder} are of a {config.ARCHITECTURE}, not ours.")
    return config


def load_weights(path: Path, network: ConvAst) -> bool:
    """Take the weights of shards, or of a checkpoint that `run_stage` wrote.

    Args:
        path: A folder of shards, or a file.
        network: Takes them.

    Returns:
        Whether the second stage had begun.

    Raises:
        CheckpointError: There is nothing, it is damaged, or of another network.
    """
    paths = sorted(path.glob(_SHARD)) if path.is_dir() else [path]
    if not paths:
        raise CheckpointError(f"No {_SHARD} lies in {path}; name a folder of weights, or a file.")
    try:
        tensors = {name: value for one in paths for name, value in _read(one).items()}
        begun = int(tensors.get("mixtures.first.1.num_batches_tracked", 0)) > 0
        wanted = {k: v for k, v in tensors.items() if begun or not k.startswith(_OF_MIXTURES)}
        missing, unknown = network.load_state_dict(wanted, strict=False)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise CheckpointError(
            f"The weights in {path} do not fit this network ({error}); give the sizes that they "
            "were made with."
        ) from error
    missing = [name for name in missing if begun or not name.startswith(_OF_MIXTURES)]
    if missing or unknown:
        raise CheckpointError(
            f"The weights in {path} lack {missing[:3]} and have {unknown[:3]} beside; copy all "
            "shards, or give the sizes that they were made with."
        )
    return begun


def _read(path: Path) -> Mapping[str, Tensor]:
    """Of a network, without what a stage keeps beside it."""
    with safe_open(path, "pt") as file:
        names = [name for name in file.keys() if not name.startswith("optimiser.")]  # noqa: SIM118
        tensors: dict[str, Tensor] = {
            name.removeprefix("stage."): file.get_tensor(name).to(torch.get_default_dtype())
            if file.get_slice(name).get_dtype() == "F16"
            else file.get_tensor(name)
            for name in names
        }
    tensors.pop("log_scale", None)
    return tensors
