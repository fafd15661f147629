"""The card of a published database: its contents, licences and origin."""

from collections import Counter

from cir.index.calibration import CALIBRATION_NAME
from cir.index.database import InstrumentDatabase
from cir.index.hubness import HUBS_NAME
from cir.instruments.families import FAMILIES, family_label
from cir.library.remote import ARCHIVE_NAME
from cir.publish.front_matter import write_front_matter

_LICENCES = (("gpl-3.0", "GPL-3.0"), ("gpl-2.0", "GPL-2.0"), ("cc0-1.0", "CC0-1.0"))
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"))
_LARGEST = "100K<n<1M"

_TEXT = """
# {title}

{count:,} musical instruments (synthesizer presets, General MIDI programs, samples), each with an
embedding of its timbre{sounds}. It is the database that `cir` searches: give it a mix, and it
finds the instruments that play in it.

```python
from cir import InstrumentDatabase, TimbreEncoder, search
from cir.library.remote import resolve_database

encoder = TimbreEncoder.from_pretrained({model_source})
database = InstrumentDatabase.open(resolve_database("{repo_id}"), encoder=encoder)
results = search("mix.wav", families=["bass"], encoder=encoder, database=database)
```

The page serves it with `CIR_DATABASE={repo_id} python app.py`.

## What is in it

| family | instruments |
|---|---:|
{families}

| source | licence | instruments |
|---|---|---:|
{licences}

| file | what it holds |
|---|---|
| `instruments.csv` | a row for each instrument: {columns} |
| `embeddings.safetensors` | `embeddings`, ({count}, {dimension}) float32, unit norm, row by row |
{files}| `database.json` | format, the model's identity, sizes and checksums of the tables |

`engine` names the player of an instrument, as `scheme:reference`; `family` may be empty.

## How it was made

One reference note of each instrument (recorded ones: several notes, averaged) was embedded by the
model {model} (identity `{identity}`).{preview_words}{map_words}{calibration}
Each row has licence and author of its sounds, from which embeddings and previews are derived.
"""


def write_dataset_card(
    database: InstrumentDatabase, repo_id: str, *, model_id: str | None, has_sounds: bool
) -> str:
    """Return the card of a database; its front matter lets the Hub play its sounds."""
    rows = database.instruments()
    info = database.info()
    header = {
        "pretty_name": _title(repo_id),
        "license": _licences(database),
        "task_categories": ["audio-classification"],
        "tags": ["audio", "music", "timbre", "instrument-retrieval", "embeddings"],
        "size_categories": [next((size for most, size in _SIZES if len(rows) < most), _LARGEST)],
        "configs": [
            {
                "config_name": "default",
                "data_files": ARCHIVE_NAME if has_sounds else "instruments.csv",
            }
        ],
    }
    families = Counter(one.family for one in rows)
    licences = Counter((one.source, one.licence or "not stated") for one in rows)
    fitted = f" Chances of matches were fitted on {info.calibration}." if info.calibration else ""
    trust = info.map_trustworthiness
    known = f" (trustworthiness {trust:.3f})" if trust is not None else ""
    return write_front_matter(header) + _TEXT.format(
        title=_title(repo_id),
        repo_id=repo_id,
        count=len(rows),
        dimension=info.dimension,
        sounds=" and a sound to hear" if has_sounds else "",
        model_source=f'"{model_id}"' if model_id else "",
        model=f"[{model_id}](https://huggingface.co/{model_id})" if model_id else "of `cir`",
        identity=info.identity,
        families="\n".join(
            f"| {family_label(slug) if slug else 'none'} | {families[slug]:,} |"
            for slug in (*FAMILIES, None)
            if families[slug]
        ),
        licences="\n".join(
            f"| {source} | {licence} | {count:,} |"
            for (source, licence), count in sorted(licences.items())
        ),
        columns="instrument_id, name, family, category, bank, author, licence, source, engine",
        files=_files(database, has_sounds),
        preview_words=" Previews are its reference note, in Opus." if has_sounds else "",
        map_words=f" The map is a UMAP of the embeddings{known}." if trust is not None else "",
        calibration=fitted,
    )


def _title(repo_id: str) -> str:
    return repo_id.split("/")[-1].replace("-", " ").replace("_", " ")


def _licences(database: InstrumentDatabase) -> list[str]:
    """Return the Hub's names of the licences of all sounds, `other` for those it does not have."""
    found = set()
    for one in database.instruments():
        slug = next((slug for slug, name in _LICENCES if one.licence.startswith(name)), "other")
        found.add(slug)
    return sorted(found) or ["other"]


def _files(database: InstrumentDatabase, has_sounds: bool) -> str:
    rows = []
    if database.coordinates() is not None:
        rows.append("| `map.csv` | coordinates of each instrument on the map of timbre: x, y |")
    if has_sounds:
        rows.append(
            f"| `{ARCHIVE_NAME}` | `previews/ID.opus`, `phrases/ID.opus` if there are phrases, and "
            "the rows again as `metadata.csv` |"
        )
    if (database.path / CALIBRATION_NAME).is_file():
        rows.append(f"| `{CALIBRATION_NAME}` | the calibration of chances |")
    if (database.path / HUBS_NAME).is_file():
        rows.append(
            f"| `{HUBS_NAME}` | penalties of hubs, instruments that are near to every mix |"
        )
    return "".join(f"{row}\n" for row in rows)
