"""Texts of the Learn tab."""

WAITING = "Computing \u2026"
FAILED = "This exhibit failed"
SEARCH_BOX = "Type part of its name, bank or author."


def _text(paragraph: str) -> str:
    return f'<p class="cir-learn-text">{paragraph}</p>'


INTRODUCTION = _text(
    "How can a computer know that two sounds come from the same instrument? Five exhibits to hear "
    "and read, in any order."
)

PAIR_TITLE = "1 \u00b7 Two sounds, one number"
PAIR = _text(
    "The model never sees a name. It reads the spectrogram of a sound: time to the right, pitch "
    "upwards, loudness as brightness. It turns the spectrogram into an embedding, an arrow in a "
    "space of many dimensions. The more two arrows point the same way, the more similar the sounds."
)

MIX_TITLE = "2 \u00b7 Mute an instrument and the mix moves"
MIX = _text(
    "A mix has an arrow too, one for each family that you ask about: for the bass, it should "
    "point at the bass that plays. Mute instruments and see where the arrows go: away from the "
    "muted one, and often nearer to the others, because less masks them."
)

TRIPLET_TITLE = "3 \u00b7 Positives and negatives"
TRIPLET = _text(
    "The model learned by comparison only. Take one sound, the anchor: another note of the same "
    "instrument is a positive, every other instrument is a negative. Training pulls positives "
    "together and pushes negatives apart, and learns most from hard negatives. Can you tell them "
    "apart? The model was not trained on any of these instruments."
)

TOY_TITLE = "4 \u00b7 What the two losses do"
TOY = _text(
    "Ten sounds on a circle: five instruments, two notes of each (a disc and a square). The "
    "triplet loss wants each note nearer to its partner than to any other by a margin; then its "
    "gradient is zero. InfoNCE lets each note pick its partner out of all and never quite reaches "
    "zero; a low temperature concentrates it on the nearest rivals. Drag the points, or let the "
    "gradient move them. Then press Collapse with the margin at 0: all points coincide, and the "
    "loss is zero. The margin prevents that."
)

QUIZ_TITLE = "5 \u00b7 The listening quiz: which of these five is in the mix?"
QUIZ = _text(
    "Ten mixes of up to three instruments of this database, drawn at random. One of five "
    "candidates plays in each; the other four are among its most similar neighbours, so it is not "
    "easy. The model guesses too, from the mix alone. It knows most of the bundled instruments "
    "from training, and is still often wrong: trust your ears."
)
