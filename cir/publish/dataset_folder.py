"""A database as a dataset of the Hub: its tables, an archive of its sounds, and a card."""

import csv
import io
import shutil
import zipfile
from dataclasses import asdict
from pathlib import Path

from cir.index.bundle import PHRASES_NAME, PREVIEWS_NAME, read_bundle
from cir.index.calibration import CALIBRATION_NAME
from cir.index.database import InstrumentDatabase
from cir.index.hubness import HUBS_NAME
from cir.library.remote import ARCHIVE_NAME
from cir.publish.dataset_card import write_dataset_card
from cir.types import Progress

_LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""Time of all files, so that equal sounds give an equal archive."""

METADATA_NAME = "metadata.csv"


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
    fitted = [database.path / name for name in (CALIBRATION_NAME, HUBS_NAME)]
    tables = [database.path / name for name in ("database.json", *bundle.header.files.values())]
    for path in (*tables, *(path for path in fitted if path.is_file())):
        shutil.copyfile(path, folder / path.name)
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
