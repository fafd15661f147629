"""The About tab: purpose, how to read the results, privacy, licences."""

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

You hear a sound in a mix and want *that* instrument. Upload the mix: for each family that you
choose (percussion, bass, synth lead, ...) this page lists the instruments of its database that
sound most like the one in your mix, with a preview of each, so that you can compare by ear.

Two neural networks of convolutions and transformer blocks learned one space. One places notes of
one instrument close together; the other listens to a mix once, and places it, for each family,
close to the instrument that plays. The method is that of the paper *Contrastive timbre
representations for musical instrument and synthesizer retrieval*; the model and the code are our
own.

## How to read it

{scores}
* **Previews** are one note each: the middle pitch of the family, held for two seconds.
* **Long files** are searched in windows of ten seconds, and louder windows count more; up to
  {minutes:.0f} minutes, at any sample rate. The mono downmix keeps channels of opposite phase. For
  a clear result, choose the passage in which the instrument plays.
* **Files**: {readable}, and many others; the content decides, not the file name. If a file is cut
  off or damaged, its readable part is searched, and the results say so.
* **Percussion** means tuned and untuned percussion of synthesizers, not drum loops.
* The same file always gives the same result.
"""

_SIMILARITY = """* **Similarity** is the cosine of two embeddings: 1 is the same sound to the model,
  0 is unrelated. It ranks instruments *within* one list. It is not a probability, and it cannot be
  compared between two searches."""

_NEVER_EMPTY = """* **The list is never empty.** The most similar instruments are shown even if the
  mix has no such instrument, or the database does not have it. Listen before you believe."""

_UNCALIBRATED = f"""{_SIMILARITY}
{_NEVER_EMPTY}"""

_CALIBRATED = f"""* **Chance** is the probability that a match is the very instrument in your mix,
  *if the database has it*. It was measured on mixes of instruments that the model was not trained
  on: of the matches shown with 30 %, about 30 in 100 were right. Those mixes were composed by a
  program from single notes; if yours is different (voices, chords, mastering, or one instrument
  alone), take the chance as a hint. It takes only a few values, each measured on many instruments,
  and is never 100 %.
* **Very similar, similar, not alike** replace the chance where it is unknown: in families with too
  few instruments to measure it, with a filter, for your own sounds, and where the instrument is
  probably not in the database. Of the right instruments in those mixes, a quarter were very
  similar, and three quarters at least similar.
* **Probably not in this database** means that the matches look like those of mixes whose instrument
  was left out of the database on purpose, or which had no instrument of the family. The percentage
  beside it says how often this was wrong on the calibration mixes; on other mixes it can be more.
  It also misses many absent instruments: where these words are missing, the instrument may still
  not be in the database.
{_NEVER_EMPTY}
{_SIMILARITY}"""

_PRIVACY = """
## Your sounds

Your mix is used for your search only. The server keeps it until you give it another one, and
deletes it within about an hour after you close the page. Other uploads are deleted within two
hours. The tab *Your sounds* says how long the sounds that you add there are kept. Your browser
keeps your basket, your favourites and your filters. A link to an answer holds what the model
heard of your mix, not the sound. The page loads nothing from other hosts.
"""

_LICENCES = """
## Licences

The code is under Apache-2.0. The sounds keep the licences of their authors, named beside each of
them. The sources of the database:

{licences}

The programs behind the sounds: [Surge](https://surge-synthesizer.github.io), a free synthesizer
(GPL 3 or later), ZynAddSubFX and the mda plug-ins (both GPL 2 or later), and the General MIDI sound
bank TimGM6mb by Tim Brechbill (GPL 2).
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
    """Return the card of the page's model, without its metadata."""
    if service.has_bundled_model:
        path = Path(str(files("cir"))) / "assets" / "model" / "README.md"
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
    else:
        text = getattr(service.encoder, "card", "")
    if text.startswith("---\n"):
        text = text.partition("\n---\n")[2]
    return text.strip()


def _database_facts(service: PageService) -> str:
    info = service.database.info()
    counts = info.families
    families = ", ".join(
        f"{family_label(slug).lower()} {counts[slug]}" for slug in FAMILIES if slug in counts
    )
    others = f", of no family {counts['none']}" if "none" in counts else ""
    fitted = f" Chances were fitted on {info.calibration}." if info.calibration else ""
    return (
        "## What is in the database\n\n"
        f"{info.n_instruments:,} instruments: {families}{others}. "
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
