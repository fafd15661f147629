"""The model card that goes with a saved model."""

from cir.audio.features import SAMPLE_RATE
from cir.model.config import EncoderConfig

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
| embedding | {hidden_size} numbers, unit norm |
| transformer | {n_layers} layers, {n_heads} heads |
| input | mono, 16 kHz, {n_mels} log-mel bands, a frame every {hop_ms:g} ms |
| single instruments | cut or padded to {note_seconds:.2f} s |
| mixtures | windows of {mixture_seconds:.2f} s |
| family queries | {families} |
| unknown families | {slots} |

```python
from cir import TimbreEncoder

encoder = TimbreEncoder.from_pretrained("FOLDER_OR_HUB_ID")
embedding = encoder.embed([audio], sample_rate)  # (1, {hidden_size})
```
"""


def write_card(config: EncoderConfig) -> str:
    """Say what the configuration alone can say; results belong into a card written by hand."""
    return _TEMPLATE.format(
        hidden_size=config.hidden_size,
        n_layers=config.n_layers,
        n_heads=config.n_heads,
        n_mels=config.n_mels,
        hop_ms=1000 * config.hop_samples / SAMPLE_RATE,
        note_seconds=config.note_seconds,
        mixture_seconds=config.mixture_seconds,
        families=", ".join(config.families) or "none: one embedding for a whole mixture",
        slots=f"{config.n_slots} open slots" if config.n_slots else "no open slots",
    )
