"""The model card that goes with a saved model."""

from cir.model.architectures import AnyConfig
from cir.model.conv_ast_config import ConvAstConfig
from cir.types import SAMPLE_RATE

CARD_NAME = "README.md"

_TEMPLATE = """---
library_name: cir
tags:
- audio
- music
- timbre
- instrument-retrieval
---

# A timbre encoder

Embeds single instruments and mixtures of them into one space, to search instruments by sound.
Made with `cir`; its training and its results are not described here yet.

| | |
|---|---|
| embedding | {embedding_size} numbers, unit norm |
| network | {network} |
| input | mono, 16 kHz, {bands}, a frame every {hop_ms:g} ms |
| single instruments | cut or padded to {note_seconds:.2f} s |
| mixtures | windows of {mixture_seconds:.2f} s |
| family queries | {families} |

```python
from cir import TimbreEncoder
from cir.types import SAMPLE_RATE

encoder = TimbreEncoder.from_pretrained("FOLDER_OR_HUB_ID")
embedding = encoder.embed([audio], sample_rate)  # (1, {embedding_size})
```
"""


def write_card(config: AnyConfig) -> str:
    """Describe what the configuration alone says; results belong in a card written by hand."""
    network = f"{config.n_layers} transformer layers, {config.n_heads} heads"
    if isinstance(config, ConvAstConfig):
        widths = "-".join(map(str, config.widths))
        network = f"convolutions of {widths} channels, then {network}"
        hop_samples = config.bands.hop_samples
        bands = (
            f"{config.bands.n_bands} log-frequency bands from {config.bands.lowest_hz:g} to "
            f"{config.bands.highest_hz:.0f} Hz"
        )
    else:
        hop_samples = config.hop_samples
        bands = f"{config.n_mels} log-mel bands"
    return _TEMPLATE.format(
        embedding_size=config.embedding_size,
        network=network,
        bands=bands,
        hop_ms=1000 * hop_samples / SAMPLE_RATE,
        note_seconds=config.note_seconds,
        mixture_seconds=config.mixture_seconds,
        families=", ".join(config.families) or "none: one embedding for a whole mixture",
    )
