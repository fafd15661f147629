"""A database as a dataset of the Hub: its tables, an archive of its sounds, and a card."""

import csv
import io
import shutil
import zipfile
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from cir.index.bundle import PHRASES_NAME, PREVIEWS_NAME, read_bundle
from cir.index.calibration import CALIBRATION_NAME, write_calibration
from cir.index.changes import write_tables
from cir.index.database import InstrumentDatabase
from cir.index.descriptors import DESCRIPTORS_NAME
from cir.instruments.families import FAMILIES, family_label
from cir.library.remote import ARCHIVE_NAME
from cir.publish.front_matter import write_front_matter
from cir.types import Progress

_LICENCES = (("gpl-3.0", "GPL-3.0"), ("gpl-2.0", "GPL-2.0"), ("cc0-1.0", "CC0-1.0"))
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"))
_LARGEST = "100K<n<1M"

_TEXT = """
# {title}

{count:,} musical instruments (synthesizer presets, General MIDI programs, samples), each with an
embedding of its timbre{sounds}. It is the database that `cir` searches: give it a mix, and it
finds the instruments that play in it.

```python
from cir import InstrumentDatabase, load_encoder, search
from cir.library.remote import resolve_database

encoder = load_encoder({model_source})
database = InstrumentDatabase.open(resolve_database("{repo_id}"), encoder=encoder)
results = search("mix.wav", families=["bass"], encoder=encoder, database=database)
```

The page serves it with `CIR_DATABASE={repo_id} cir app`.

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

_LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""Time of all files, so that equal sounds give an equal archive."""
METADATA_NAME = "metadata.csv"


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
    if database.calibration is not None:
        rows.append(f"| `{CALIBRATION_NAME}` | the calibration of chances |")
    if (database.path / DESCRIPTORS_NAME).is_file():
        rows.append(f"| `{DESCRIPTORS_NAME}` | brightness, attack and noisiness of each sound |")
    return "".join(f"{row}\n" for row in rows)


def write_dataset_folder(
    folder: Path,
    source: Path,
    repo_id: str,
    *,
    model_id: str | None = None,
    notice: str = "",
    progress: Progress | None = None,
) -> None:
    """Write a database as the Hub shows it and `resolve_database` reads it.

    Args:
        folder: An empty folder.
        source: Folder of the database.
        repo_id: Its future `owner/name`.
        model_id: Hub id of its model, if the model is on the Hub.
        notice: Text on the sounds' licences, written as a file.
        progress: Called with the fraction of sounds that are packed.

    Raises:
        DatabaseError: There is no database in `source`.
    """
    database = InstrumentDatabase.open(source)
    bundle = read_bundle(database.path)
    write_tables(bundle, folder)
    if database.calibration is not None:
        write_calibration(folder, database.calibration)
    described = database.path / DESCRIPTORS_NAME
    if described.is_file():
        shutil.copyfile(described, folder / DESCRIPTORS_NAME)
    has_sounds = _write_sounds(folder / ARCHIVE_NAME, database, progress)
    if notice:
        (folder / "NOTICE").write_text(notice, encoding="utf-8")
    card = write_dataset_card(database, repo_id, model_id=model_id, has_sounds=has_sounds)
    (folder / "README.md").write_text(card, encoding="utf-8")


def _write_sounds(target: Path, database: InstrumentDatabase, progress: Progress | None) -> bool:
    """Write the archive as `datasets` reads it, or return False if there is no sound.

    Opus is compressed already and stored as it is.
    """
    rows, paths = [], []
    for one in database.instruments():
        preview = database.preview_path(one.instrument_id)
        if preview is None:
            continue
        phrase = database.phrase_path(one.instrument_id)
        names = {
            "file_name": f"{PREVIEWS_NAME}/{preview.name}",
            "phrase_file_name": "" if phrase is None else f"{PHRASES_NAME}/{phrase.name}",
        }
        rows.append({**names, **asdict(one), "family": one.family or ""})
        paths += [(names["file_name"], preview)]
        paths += [] if phrase is None else [(names["phrase_file_name"], phrase)]
    if not rows:
        return False
    columns = [name for name in rows[0] if any(row[name] for row in rows)]
    table = io.StringIO()
    writer = csv.DictWriter(table, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(METADATA_NAME, _LONG_AGO), table.getvalue())
        for done, (name, path) in enumerate(paths, start=1):
            archive.writestr(zipfile.ZipInfo(name, _LONG_AGO), path.read_bytes())
            if progress is not None:
                progress(done / len(paths), "Packing sounds")
    return True
