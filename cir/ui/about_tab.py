"""The About tab: what this is, how to read it, whose sounds these are."""

from collections import Counter
from html import escape
from importlib.resources import files
from pathlib import Path

import gradio as gr

from cir.audio.formats import READABLE
from cir.instruments.families import FAMILIES, family_label
from cir.ui.search.mixes import MAX_SECONDS
from cir.ui.service import PageService

_WHAT = """
## What it does

You hear a sound in a mix and want *that* instrument. Give this page the mix: for each family that
you ask for (percussion, bass, synth lead, ...) it lists the instruments of its database that sound
most like the one in your mix, and plays you each, so that your ears have the last word.

A neural network, an audio spectrogram transformer, was trained on mixtures and single notes
together, so that a mix lies close to each instrument that plays in it. It listens to the whole mix
at once and answers for each family. The method is that of the paper *Contrastive timbre
representations for musical instrument and synthesizer retrieval*; the model and the code here are
our own.

## How to read it

{scores}
* **Previews** are one note each: the middle pitch of the family, held for two seconds.
* **Long files** are heard in windows of ten seconds, louder ones counting more; up to
  {minutes:.0f} minutes, of any sample rate. Channels are mixed down so that none is lost to its
  opposite phase. For a clear answer, cut the mix to the passage in which the instrument plays.
* **Files**: {readable}, and many others; what is in one counts, not its name. Of a file that is cut
  off or damaged, what is there is heard, and the answer says so.
* **Percussion** means tuned and untuned percussion of synthesizers, rather than drum loops.
* The same file always gives the same answer.
"""

_SIMILARITY = """* **Similarity** is the cosine between two embeddings: 1 is the same sound to the
  model, 0 is unrelated. In a search of a mix, an instrument that is near to every mix loses some
  of it, and others gain. It ranks instruments *within* one list. It is no probability, and two
  searches cannot be compared by it."""

_UNCALIBRATED = f"""{_SIMILARITY}
* **The list is never empty.** The five most similar instruments are shown even where the mix has no
  such instrument, or the database lacks it. Listen before you believe."""

_CALIBRATED = f"""* **Chance** is how likely it is that a match is the very instrument in your mix,
  *if the database has it*. It was measured on mixes of instruments that the model was not trained
  on: of the matches shown with 30 %, about 30 in 100 were right. A program made those mixes from
  single notes; where yours are unlike them (voices, chords, mastering, or one instrument alone),
  take the chance as a hint. There are only a few different chances, each with many instruments
  behind it, and never 100 %.
* **Very similar, similar, not alike** stand where no chance is known: in families with too few
  instruments to measure it, with a filter, among your own sounds, and where the instrument is
  probably not here. Of the right instruments in those mixes a quarter was very similar, and three
  of four at least similar.
* **Probably not in this database** says that the answer looks like those where the instrument had
  been left out of the database on purpose, or where the mix had none of its family. Beside it
  stands how often it was said of instruments that are here, on the mixes that it was set with; on
  others that can be more. It also misses many that are not: where it is not said, nothing is
  promised.
* **The list is never empty.** The most similar instruments are shown even where the mix has no such
  instrument, or the database lacks it. Listen before you believe.
{_SIMILARITY}"""

_PRIVACY = """
## Your sounds

Uploads are used for your search only, and removed from this computer within two hours. What is
made of the sounds that you add under *Your sounds* is kept as it says there. The page loads nothing
from other hosts.
"""

_LICENCES = """
## Licences

The code is under Apache-2.0. The sounds keep the licences of their authors, named beside each of
them; these are the database's sources:

{licences}

The programs behind the sounds: [Surge](https://surge-synthesizer.github.io), a free synthesizer
(GPL 3), and the General MIDI sound bank TimGM6mb by Tim Brechbill (GPL 2).
"""


def build_about_tab(service: PageService) -> None:
    """Lay out the tab inside the current `gr.Blocks`."""
    with gr.Column(elem_id="cir-about"):
        scores = _UNCALIBRATED if service.database.calibration is None else _CALIBRATED
        what = _WHAT.format(scores=scores, minutes=MAX_SECONDS / 60, readable=READABLE)
        gr.Markdown(what)
        gr.Markdown(_database_facts(service))
        card = _model_card(service)
        if card:
            with gr.Accordion("The model: how it was trained, and how well it does", open=False):
                gr.Markdown(card)
        gr.Markdown(_PRIVACY)
        gr.Markdown(_LICENCES.format(licences=_licence_list(service)))
        with gr.Accordion("Authors of the sounds", open=False):
            gr.HTML(_author_list(service), apply_default_css=False)


def _model_card(service: PageService) -> str:
    """The card of the page's model, without the table of settings at its head."""
    if service.has_bundled_model:
        path = Path(str(files("cir"))) / "assets" / "model" / "README.md"
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
    else:
        text = getattr(service.encoder, "card", "")
    if text.startswith("---\n"):
        text = text.partition("\n---\n")[2]
    return text.strip()


def _database_facts(service: PageService) -> str:
    counts = Counter(one.family for one in service.instruments)
    families = ", ".join(
        f"{family_label(slug).lower()} {counts[slug]}" for slug in FAMILIES if counts[slug]
    )
    others = f", of no family {counts[None]}" if counts[None] else ""
    info = service.database.info()
    fitted = f" Chances were fitted on {info.calibration}." if info.calibration else ""
    return (
        "## What is in the database\n\n"
        f"{len(service.instruments):,} instruments: {families}{others}. "
        f"They were embedded in {info.dimension} dimensions by the model `{info.identity}`.{fitted}"
    )


def _licence_list(service: PageService) -> str:
    counts = Counter((one.source, one.licence) for one in service.instruments)
    return "\n".join(
        f"* {source}: {licence or 'licence not stated'} ({count:,} instruments)"
        for (source, licence), count in sorted(counts.items())
    )


def _author_list(service: PageService) -> str:
    counts = Counter(one.author or "author unknown" for one in service.instruments)
    rows = sorted(counts.items(), key=lambda row: (-row[1], row[0].casefold()))
    names = ", ".join(f"{escape(author)} ({count:,})" for author, count in rows)
    return f'<p class="cir-muted">{names}.</p>'
