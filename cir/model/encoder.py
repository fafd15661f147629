"""A model in torch: to train, to evaluate, and to embed on a GPU."""

import tempfile
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import normalize

from cir.errors import CheckpointError
from cir.files import replacing
from cir.model.architectures import AnyNetwork, build_network, check_weights
from cir.model.checkpoint import (
    BUNDLED_MODEL,
    CARD_NAME,
    identify,
    load_folder,
    save_folder,
    write_card,
)
from cir.model.clip_encoder import ClipEncoder
from cir.model.conv_ast import ConvAst
from cir.model.heads import Heard
from cir.model.network_config import AnyConfig
from cir.model.tensors import to_arrays, to_tensors
from cir.types import FloatArray


class TimbreEncoder(ClipEncoder):
    """A network in torch that embeds single instruments and mixtures in one space."""

    def __init__(
        self,
        network: AnyNetwork,
        device: str | torch.device = "cpu",
        *,
        card: str | None = None,
    ) -> None:
        """Wrap a network; `from_pretrained` is the usual way in."""
        self.network = network.to(device).eval()
        self.card = write_card(network.config) if card is None else card
        self.device = torch.device(device)

    @classmethod
    def from_config(cls, config: AnyConfig, *, seed: int = 0) -> "TimbreEncoder":
        """Return an untrained encoder whose weights depend on `seed` alone."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return cls(build_network(config))

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path | None = None,
        *,
        revision: str | None = None,
        device: str | torch.device | None = None,
    ) -> "TimbreEncoder":
        """Load a trained encoder.

        Args:
            source: None for the model in this package, a folder, a Hub id such as `user/model`,
                or a checkpoint file of the paper's authors.
            revision: Branch, tag or commit on the Hub.
            device: `cpu`, `cuda`, ...; None takes a GPU where there is one.

        Raises:
            CheckpointError: Nothing there, or nothing that this library can read.
        """
        from cir.model.hub import resolve
        from cir.model.released import is_released_checkpoint, load_released

        config: AnyConfig
        card = None
        if source is not None and is_released_checkpoint(source):
            config, state = load_released(source)
        else:
            folder = BUNDLED_MODEL if source is None else resolve(source, revision)
            config, weights = load_folder(folder)
            state = to_tensors(weights)
            if (folder / CARD_NAME).is_file():
                card = (folder / CARD_NAME).read_text(encoding="utf-8", errors="replace")
        try:
            check_weights(config, state)
        except CheckpointError as error:
            raise CheckpointError(f"{source or BUNDLED_MODEL} cannot be loaded: {error}") from None
        network = build_network(config)
        network.load_state_dict(state)
        chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
        return cls(network, chosen, card=card)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write `config.json`, `model.safetensors` and the card into `folder`."""
        save_folder(Path(folder), self.config, to_arrays(self.network.state_dict()))
        with replacing(Path(folder) / CARD_NAME) as path:
            path.write_text(self.card, encoding="utf-8")

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool = False,
        token: str | None = None,
        commit_message: str = "Upload a timbre encoder",
    ) -> str:
        """Upload to the Hub as one commit and return its hash.

        Raises:
            CheckpointError: The Hub is out of reach or refuses.
        """
        from cir.model.hub import push_folder

        with tempfile.TemporaryDirectory() as folder:
            self.save_pretrained(folder)
            return push_folder(
                folder, repo_id, private=private, token=token, commit_message=commit_message
            )

    @property
    def config(self) -> AnyConfig:
        """Sizes and families."""
        return self.network.config

    @cached_property
    def identity(self) -> str:
        """Names configuration and weights: encoders with the same identity embed alike."""
        return identify(self.config, to_arrays(self.network.state_dict()))

    def _embed_clips(self, clips: FloatArray) -> FloatArray:
        with torch.inference_mode():
            embeddings = self.network.embed_notes(self._features(clips))
            return normalize(embeddings.float(), dim=-1).cpu().numpy()

    def _answer(self, windows: FloatArray) -> tuple[FloatArray, FloatArray]:
        with torch.inference_mode():
            heard = Heard.concatenate([self.network.listen(self._features(windows))])
        return heard.with_overall.numpy(), heard.presence.numpy()

    def _share_out(self, windows: FloatArray) -> FloatArray:
        assert isinstance(self.network, ConvAst)  # noqa: S101 - who tells families is one
        with torch.inference_mode():
            return self.network.share_out(self._features(windows)).float().cpu().numpy()

    def _features(self, clips: FloatArray) -> Tensor:
        return self.network.features(torch.from_numpy(clips).to(self.device))
