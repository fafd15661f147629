"""Handlers of the Your sounds tab: each returns a report and the list of sounds."""

import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

import gradio as gr
from gradio.utils import get_upload_folder

from cir.errors import CirError, InputError
from cir.library.database_archive import is_exported
from cir.library.sounds import Labels, UploadedFile
from cir.types import Progress
from cir.ui.cards import message
from cir.ui.events import report_to
from cir.ui.own.html import adding_note, note, report_note, sounds_list
from cir.ui.own.library import PAGE_LIMITS
from cir.ui.own.plan import Review, review_table
from cir.ui.own.sessions import EXPORT_NAME, OwnLibraries, Shelf

_MAX_PARTS = 12
_MAX_NAME = 120
_REFRESH_SECONDS = 1.0
"""Time between two looks at what was added."""
_DIGEST = re.compile(r"[0-9a-f]{64}")

Uploads: TypeAlias = tuple[UploadedFile, ...]
Shown: TypeAlias = tuple[str, str, Shelf, Any, int]
"""Report, list, shelf, download button (hidden, since its file is outdated), page of the list."""
_FAILED = "This did not work"
_HIDDEN: dict[str, Any] = gr.update(visible=False)


def read_uploads(sent: Any) -> tuple[UploadedFile, ...]:
    """Convert a list of `{"path": ..., "inside": ...}` to uploads.

    Raises:
        InputError: It is not such a list, is too long, or names a file that was not uploaded.
    """
    if not isinstance(sent, list) or not sent:
        raise InputError("No files arrived; choose them again.")
    if len(sent) > PAGE_LIMITS.sounds:
        raise InputError(
            f"{len(sent):,} files are more than the {PAGE_LIMITS.sounds:,} that can be added at "
            "once; add them in parts or as one zip."
        )
    folder = Path(get_upload_folder()).resolve()
    return tuple(_read_upload(one, folder) for one in sent)


def merge_uploads(
    old: Iterable[UploadedFile], new: Iterable[UploadedFile]
) -> tuple[UploadedFile, ...]:
    """Append new uploads to old ones; a later upload replaces one of the same place."""
    return tuple({upload.inside: upload for upload in (*old, *new)}.values())


def _read_upload(sent: Any, folder: Path) -> UploadedFile:
    if not isinstance(sent, dict):
        raise InputError("The list of files is damaged; choose them again.")
    path = Path(str(sent.get("path", ""))).resolve()
    # Gradio stores each upload in a folder named after the digest of its content.
    if path.parent.parent != folder or not _DIGEST.fullmatch(path.parent.name):
        raise InputError("One of the files was not uploaded; choose them again.")
    if not path.is_file():
        named = _place(str(sent.get("inside", "")), path.name)
        raise InputError(f"{named} is no longer on the server; choose the files again.")
    return UploadedFile(path, _place(str(sent.get("inside", "")), path.name))


def _place(inside: str, fallback: str) -> PurePosixPath:
    """Read the original place of a file, without parts that are not plain names."""
    parts = [part.strip()[-_MAX_NAME:] for part in re.split(r"[/\\]", inside)]
    plain = [part for part in parts if part.strip(". ") and part.isprintable()]
    return PurePosixPath(*(plain[-_MAX_PARTS:] or [fallback]))


class OwnHandlers:
    """Handlers of the tab's events.

    Args:
        libraries: The sounds of all visitors.
    """

    def __init__(self, libraries: OwnLibraries) -> None:
        self._libraries = libraries

    def show(self, shelf: Shelf, page: int = 0) -> str:
        """Render the list of sounds."""
        library = self._libraries.of(shelf)
        try:
            return sounds_list(library.instruments, library.preview, page, library.guesses())
        except CirError as error:
            return message("Your sounds cannot be read", str(error))

    def receive(
        self,
        chosen: Uploads,
        shelf: Shelf,
        family: str | None,
        bank: str | None,
        author: str | None,
        licence: str | None,
        event: gr.EventData,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - Gradio finds it by this default
    ) -> tuple[Uploads, Review | None, str, str]:
        """Collect uploads of the drop zone, and list what they would become."""
        try:
            chosen = merge_uploads(chosen, read_uploads((event._data or {}).get("files")))
        except CirError as error:
            return chosen, gr.skip(), gr.skip(), message(_FAILED, str(error))
        labels = read_labels(family, bank, author, licence)
        return chosen, *self.review(chosen, shelf, labels, report_to(progress))

    def relabel(
        self,
        chosen: Uploads,
        shelf: Shelf,
        family: str | None,
        bank: str | None,
        author: str | None,
        licence: str | None,
    ) -> tuple[Review | None, str, str]:
        """List the collected uploads again, with other labels."""
        return self.review(chosen, shelf, read_labels(family, bank, author, licence), None)

    def review(
        self, chosen: Uploads, shelf: Shelf, labels: Labels, progress: Progress | None
    ) -> tuple[Review | None, str, str]:
        """Return what the uploads would become, the same as a table, and a message."""
        if not chosen:
            return None, "", ""
        try:
            plan = self._libraries.of(shelf).plan(chosen, labels, progress)
            archives = tuple(str(one.inside) for one in chosen if is_exported(one.path))
            review = Review(plan, archives=archives)
        except CirError as error:
            return None, "", message(_FAILED, str(error))
        return review, review_table(review), ""

    def choose(self, review: Review | None, event: gr.EventData) -> tuple[Review | None, str, str]:
        """Change the family of a sound or a folder that is not added yet."""
        asked: dict[str, Any] = event._data or {}
        if review is None:
            return None, "", ""
        try:
            review = review.choose(str(asked.get("what", "")), str(asked.get("family", "")) or None)
        except CirError as error:
            return review, review_table(review), message(_FAILED, str(error))
        return review, review_table(review), ""

    def resume(self, kept: str | None, shelf: Shelf) -> tuple[Shelf, str]:
        """Take over the sounds of this browser's earlier visit; return what it keeps now.

        The shelf changes in any case, so that all that depends on it is shown.
        """
        shelf = self._libraries.resume(str(kept or "")) or shelf
        return shelf.changed(), shelf.token

    def add(
        self,
        chosen: Uploads,
        review: Review | None,
        shelf: Shelf,
        family: str | None,
        bank: str | None,
        author: str | None,
        licence: str | None,
    ) -> Iterator[tuple[Any, ...]]:
        """Add all collected uploads in the background, and fill the list meanwhile.

        Yields:
            What `_shown` returns, then the uploads that were added and the stop button.
        """
        library, keep = self._libraries.of(shelf), gr.skip()
        labels, now = read_labels(family, bank, author, licence), Now()
        changes = {} if review is None else review.changes()
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="cir-adding") as pool:
            future = pool.submit(library.add, chosen, labels, now.report, changes)
            count = len(library)
            while not wait([future], timeout=_REFRESH_SECONDS).done:
                shown: tuple[Any, ...] = (keep, keep, keep, keep)
                if len(library) != count:
                    count, shelf = len(library), shelf.changed()
                    shown = self.show(shelf), shelf, keep, keep
                said = adding_note(now.share, now.words, added=count)
                yield said, *shown, keep, gr.update(visible=True)
        added: Uploads = ()
        try:
            report = future.result()
        except CirError as error:
            said = message("Nothing was added", str(error))
        else:
            said = report_note(report)
            added = () if report.was_stopped else chosen
        yield *self._shown(shelf, said), added, _HIDDEN

    def forget_added(
        self,
        chosen: Uploads,
        review: Review | None,
        added: Uploads,
        shelf: Shelf,
        family: str | None,
        bank: str | None,
        author: str | None,
        licence: str | None,
    ) -> tuple[Uploads, Review | None, str, str]:
        """Keep what was not added, as what was collected meanwhile, with its chosen families."""
        left = tuple(one for one in chosen if one not in added)
        if left == chosen:
            return (gr.skip(),) * 4
        families = {} if review is None else review.changes()
        labels = read_labels(family, bank, author, licence)
        review, table, said = self.review(left, shelf, labels, None)
        if review is not None and families:
            review = review.with_families(families)
            table = review_table(review)
        return left, review, table, said or gr.skip()

    def stop(self, shelf: Shelf) -> None:
        """Stop adding."""
        self._libraries.of(shelf).stop()

    def act(self, shelf: Shelf, page: int, event: gr.EventData) -> Shown:
        """Turn a page of the list, set a family, remove one sound or all."""
        asked: dict[str, Any] = event._data or {}
        do, name = asked.get("do"), str(asked.get("id", ""))
        library = self._libraries.of(shelf)
        said = ""
        ids = {one.instrument_id for one in library.instruments}
        if (do in ("family", "remove") and name not in ids) or (do == "clear" and not ids):
            return gr.skip(), self.show(shelf, page), shelf, gr.skip(), page  # clicked twice
        try:
            if do == "page":
                page = int(asked.get("page", 0))
                return "", self.show(shelf, page), shelf, gr.skip(), page
            if do == "family":
                library.set_family(name, str(asked.get("family", "")) or None)
            elif do == "remove":
                said = note(f"Removed {library.remove(name)}.")
            elif do == "clear":
                said = note(f"Removed all {library.clear():,} sounds.")
        except CirError as error:
            said = message(_FAILED, str(error))
        return self._shown(shelf, said, page)

    def export(
        self,
        shelf: Shelf,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[str, Any]:
        """Pack all sounds into a zip and show its download button."""
        target = self._libraries.session_folder(shelf) / EXPORT_NAME
        try:
            count = self._libraries.of(shelf).export(target, report_to(progress))
        except CirError as error:
            return message("Nothing was exported", str(error)), _HIDDEN
        megabytes = target.stat().st_size / (1 << 20)
        label = f"Download {EXPORT_NAME} ({count:,} sounds, {megabytes:.1f} MB)"
        button = gr.DownloadButton(label, value=str(target), visible=True)
        return note("The zip is ready to download below."), button

    def restore(
        self,
        archive: str | None,
        shelf: Shelf,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> Shown:
        """Add the sounds of an exported zip."""
        try:
            report = self._libraries.of(shelf).bring(Path(archive or ""), report_to(progress))
        except CirError as error:
            return self._shown(shelf, message("Nothing was imported", str(error)))
        return self._shown(shelf, report_note(report))

    def _shown(self, shelf: Shelf, said: str, page: int = 0) -> Shown:
        return said, self.show(shelf, page), shelf.changed(), _HIDDEN, page


def read_labels(*texts: str | None) -> Labels:
    """Read the fields for family, bank, author and licence; untouched ones are None."""
    family, bank, author, licence = ((text or "").strip() for text in texts)
    return Labels(family or None, bank or None, author, licence)


class Now:
    """How far adding is, written by one thread and read by another."""

    def __init__(self) -> None:
        self.share = 0.0
        self.words = "Reading the files"

    def report(self, share: float, words: str) -> None:
        """Store the progress; a `cir.types.Progress`."""
        self.share, self.words = share, words
