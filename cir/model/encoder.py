"""The public interface of a model: sounds in, unit vectors out."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from cir.audio.dsp import cut_windows, pad_or_trim
from cir.audio.io import check_audio, resample
from cir.errors import CheckpointError, InputError
from cir.files import replacing
from cir.instruments.families import check_families
from cir.model.architectures import AnyConfig, AnyNetwork, build_network, check_weights
from cir.model.checkpoint import CARD_NAME, identify, load_folder, save_folder, write_card
from cir.model.conv_ast import ConvAst
from cir.model.heads import Heard
from cir.model.network_config import ConvAstConfig
from cir.types import SAMPLE_RATE, FloatArray, Progress

BUNDLED_MODEL = Path(__file__).parent.parent / "assets" / "model"
_BATCH_SIZE = 16


class TimbreEncoder:
    """Embeds single instruments and mixtures in one space.

    Every clip is brought to one peak and one length, whatever else is in its batch: the same sound
    always has the same embedding.
    """

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
            config, state = load_folder(folder)
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
        save_folder(Path(folder), self.config, self.network.state_dict())
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

    @property
    def embedding_size(self) -> int:
        """Length D of an embedding."""
        return self.config.embedding_size

    @property
    def families(self) -> tuple[str, ...]:
        """Families with a query of their own; empty where a mixture has one embedding for all."""
        return self.config.families

    @cached_property
    def identity(self) -> str:
        """Names configuration and weights: encoders with the same identity embed alike."""
        return identify(self.config, self.network.state_dict())

    def embed(
        self, sounds: Sequence[FloatArray], sample_rate: int, *, progress: Progress | None = None
    ) -> FloatArray:
        """Embed single instruments.

        Args:
            sounds: One-dimensional waveforms; each is padded or cut to `config.note_seconds`.
            sample_rate: In Hz.
            progress: Called after each batch.

        Returns:
            (N, D) float32, unit norm.

        Raises:
            InputError: A sound is empty, silent, not finite or not one-dimensional.
        """
        clips = (
            pad_or_trim(self._prepare(sound, sample_rate), self.config.note_samples)
            for sound in sounds
        )
        embeddings = np.zeros((len(sounds), self.embedding_size), np.float32)
        done = 0
        for batch in _batches(clips):
            outputs = self._embed_notes(batch)
            embeddings[done : done + len(outputs)] = outputs.numpy()
            done += len(outputs)
            if progress is not None:
                progress(done / len(sounds), f"Embedding sounds, {done} of {len(sounds)}")
        return embeddings

    def embed_mixtures(
        self,
        sounds: Sequence[FloatArray],
        sample_rate: int,
        families: Sequence[str],
        *,
        progress: Progress | None = None,
    ) -> FloatArray:
        """Embed mixtures once per family.

        A mixture is read in windows of `config.mixture_seconds` that overlap by half; the windows'
        embeddings are averaged.

        Args:
            sounds: One-dimensional waveforms of any length.
            sample_rate: In Hz.
            families: Families to listen for. One without a query of its own, and every one of a
                model without queries, gets the embedding of the whole mixture.
            progress: Called after each mixture.

        Returns:
            (N, F, D) float32, unit norm.

        Raises:
            InputError: A sound is empty, silent or not finite, or there is no such family.
        """
        return self.hear_mixtures(sounds, sample_rate, families, progress=progress)[0]

    def hear_mixtures(
        self,
        sounds: Sequence[FloatArray],
        sample_rate: int,
        families: Sequence[str],
        *,
        progress: Progress | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """Do as `embed_mixtures` and `presence` do, in one pass.

        Returns:
            Embeddings, (N, F, D), and probabilities that each of `self.families` plays,
            (N, families), or (N, 0) of a model that does not tell.
        """
        columns = self._columns(families)
        embeddings = np.zeros((len(sounds), len(columns), self.embedding_size), np.float32)
        presence = np.zeros((len(sounds), self._n_present), np.float32)
        for index, heard in enumerate(self._listen(sounds, sample_rate, progress)):
            windows = normalize(heard.with_overall[:, columns], dim=-1)
            embeddings[index] = normalize(windows.mean(0), dim=-1).numpy()
            presence[index] = heard.presence.sigmoid().amax(0).numpy()
        return embeddings, presence

    def presence(
        self, sounds: Sequence[FloatArray], sample_rate: int, *, progress: Progress | None = None
    ) -> FloatArray:
        """Estimate which of `families` play in mixtures.

        Returns:
            Probabilities, (N, families), each of the window with the highest one.

        Raises:
            InputError: The model has no such output, or a sound is empty, silent or not finite.
        """
        self._listening_network()
        found = np.zeros((len(sounds), len(self.families)), np.float32)
        for index, heard in enumerate(self._listen(sounds, sample_rate, progress)):
            found[index] = heard.presence.sigmoid().amax(0).numpy()
        return found

    def family_masks(
        self, sound: FloatArray, sample_rate: int, families: Sequence[str]
    ) -> FloatArray:
        """Estimate each family's share in the energy of a mixture over time and frequency.

        Args:
            sound: One-dimensional waveform of any length.
            sample_rate: In Hz.
            families: Families to return. A family without a query of its own gets the share of all
                families without one.

        Returns:
            Shares from 0 to 1, (F, frames, bands), in the frames and bands of `config.bands`; the
            frames cover the whole sound.

        Raises:
            InputError: The model has no masks, the sound is empty, silent or not finite, or there
                is no such family.
        """
        network = self._listening_network()
        columns = self._columns(families)
        audio = torch.from_numpy(self._prepare(sound, sample_rate)).to(self.device)
        shares = network.family_shares(audio).cpu().numpy()
        # Columns count the whole mixture as 0; here, what belongs to no family of ours comes last.
        return np.ascontiguousarray(shares[[column - 1 for column in columns]])

    @property
    def tells_families(self) -> bool:
        """Whether the model estimates presence and masks of families."""
        return isinstance(self.network, ConvAst) and bool(self.families)

    @property
    def mask_centres_hz(self) -> tuple[float, ...]:
        """Centres of the bands of `family_masks`, ascending; empty if there are no masks."""
        config = self.config
        return tuple(config.bands.centres_hz) if isinstance(config, ConvAstConfig) else ()

    @property
    def mask_hop_seconds(self) -> float:
        """Frame shift of `family_masks`; frame t is centred on the middle of the t-th hop."""
        config = self.config
        hop = config.bands.hop_samples if isinstance(config, ConvAstConfig) else 0
        return hop / SAMPLE_RATE

    @property
    def _n_present(self) -> int:
        return len(self.families) if self.tells_families else 0

    def _listening_network(self) -> ConvAst:
        """Return the network if it estimates presence and masks."""
        if isinstance(self.network, ConvAst) and self.families:
            return self.network
        raise InputError(
            "This model estimates neither presence nor masks of families (it is an AST, or it has "
            "no family queries): load a conv-ast with families."
        )

    def _columns(self, families: Sequence[str]) -> list[int]:
        """Return the column of each family in `Heard.with_overall`; 0 is the whole mixture's."""
        return [
            1 + self.families.index(name) if name in self.families else 0
            for name in check_families(families)
        ]

    def _prepare(self, sound: FloatArray, sample_rate: int) -> FloatArray:
        return resample(check_audio(sound, sample_rate), sample_rate, SAMPLE_RATE)

    def _listen(
        self, sounds: Sequence[FloatArray], sample_rate: int, progress: Progress | None
    ) -> Iterator[Heard]:
        """Yield the answers for the windows of each mixture."""
        for done, sound in enumerate(sounds, 1):
            windows = cut_windows(self._prepare(sound, sample_rate), self.config.mixture_samples)
            with torch.inference_mode():
                heard = [self.network.listen(self._features(one)) for one in _batches(windows)]
            yield Heard.concatenate(heard)
            if progress is not None:
                progress(done / len(sounds), f"Listening, {done} of {len(sounds)}")

    @torch.inference_mode()
    def _embed_notes(self, clips: FloatArray) -> Tensor:
        """Unit embeddings (B, D) of clips (B, T), on the CPU."""
        embeddings = self.network.embed_notes(self._features(clips))
        return normalize(embeddings.float(), dim=-1).cpu()

    def _features(self, clips: FloatArray) -> Tensor:
        return self.network.features(torch.from_numpy(clips).to(self.device))


def _batches(clips: Iterable[FloatArray]) -> Iterator[FloatArray]:
    waiting = iter(clips)
    while batch := list(islice(waiting, _BATCH_SIZE)):
        yield np.stack(batch)
