"""What the exhibits of the Learn tab say."""

WAITING = "Listening \u2026"
FAILED = "This exhibit did not work"
SEARCH_BOX = "Type a part of its name, bank or author."


def _text(paragraph: str) -> str:
    return f'<p class="cir-learn-text">{paragraph}</p>'


INTRODUCTION = _text(
    "How can a computer know that two sounds are the same instrument? Five exhibits, to be heard "
    "as much as read. Open one; each stands alone."
)

PAIR_TITLE = "1 \u00b7 Two sounds, one number"
PAIR = _text(
    "The model never sees a name. It reads the picture of a sound, a spectrogram: time to the "
    "right, pitch upwards, loudness as brightness. From it the model makes an arrow in a space of "
    "many dimensions, and two sounds are as similar as their arrows point the same way."
)

MIX_TITLE = "2 \u00b7 A mix moves when an instrument falls silent"
MIX = _text(
    "A mix has an arrow too, one for each family that you ask about: asked for the bass, it should "
    "point at the bass that plays. Mute instruments and see where the arrows go: away from the one "
    "that left, and often nearer to the others, because there is less to mask them."
)

TRIPLET_TITLE = "3 \u00b7 Positives and negatives"
TRIPLET = _text(
    "The model was taught by comparison alone. Take a sound, the anchor: another note of the same "
    "instrument is a positive, every other instrument is a negative. Training pulls positives "
    "together and pushes negatives away, and learns most from the hard ones. Can you tell them "
    "apart? None of these instruments was in the model\u2019s training."
)

TOY_TITLE = "4 \u00b7 What the two losses do"
TOY = _text(
    "Ten sounds on a circle: five instruments, two notes of each (a disc and a square). The "
    "triplet loss wants each note nearer to its partner than to any other by a margin, and then "
    "leaves it alone. InfoNCE lets each note pick its partner out of all, and is never quite "
    "content; a low temperature makes it look at the nearest rivals only. Drag the points, or let "
    "the gradient move them. Then press Collapse with the margin at 0: all sounds are one, and the "
    "loss finds nothing wrong. That is what the margin is for."
)

QUIZ_TITLE = "5 \u00b7 The listening quiz: which of these five is in the mix?"
QUIZ = _text(
    "Ten mixes of up to three instruments of this database, drawn by chance. One of five "
    "candidates plays in each; the other four are among those that the model finds most similar to "
    "it, so it is not easy. The model guesses too, from the mix alone. It knows most of the "
    "bundled instruments from its training, and is still wrong quite often: trust your ears."
)
