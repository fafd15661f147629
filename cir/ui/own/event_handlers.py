"""Handlers of the Your sounds tab: each returns a report and the list of sounds."""

from pathlib import Path
from typing import Any, TypeAlias

import gradio as gr

from cir.errors import CirError
from cir.library.sounds import Labels, UploadedFile
from cir.ui.cards import message
from cir.ui.own.html import chosen_note, note, report_note, sounds_list
from cir.ui.own.received_files import merge_uploads, read_uploads
from cir.ui.own.sessions import EXPORT_NAME, OwnLibraries, Shelf

Uploads: TypeAlias = tuple[UploadedFile, ...]

Shown: TypeAlias = tuple[str, str, Shelf, Any, int]
"""Report, list, shelf, download button (hidden, since its file is outdated), page of the list."""

_FAILED = "This did not work"
_HIDDEN: dict[str, Any] = gr.update(visible=False)


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

    def receive(self, chosen: Uploads, event: gr.EventData) -> tuple[Uploads, str, str]:
        """Collect uploads of the drop zone, to be added later."""
        said = ""
        try:
            chosen = merge_uploads(chosen, read_uploads((event._data or {}).get("files")))
        except CirError as error:
            said = message(_FAILED, str(error))
        return chosen, _waiting(chosen), said

    def add(
        self,
        chosen: Uploads,
        shelf: Shelf,
        family: str | None,
        bank: str | None,
        author: str | None,
        licence: str | None,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - Gradio finds it by this default
    ) -> tuple[Any, ...]:
        """Add all collected uploads as instruments, then hide the stop button."""
        # Untouched fields are None.
        named, by, under = ((text or "").strip() for text in (bank, author, licence))
        labels = Labels(family or None, named or None, by, under)
        try:
            report = self._libraries.of(shelf).add(
                chosen, labels, lambda done, words: progress(done, desc=words)
            )
        except CirError as error:
            said = message("Nothing was added", str(error))
        else:
            said = report_note(report)
            chosen = chosen if report.was_stopped else ()
        return *self._shown(shelf, said), chosen, _waiting(chosen), _HIDDEN

    def stop(self, shelf: Shelf) -> None:
        """Stop adding."""
        self._libraries.of(shelf).stop()

    def act(self, shelf: Shelf, page: int, event: gr.EventData) -> Shown:
        """Turn a page of the list, set a family, remove one sound or all."""
        asked: dict[str, Any] = event._data or {}
        do, name = asked.get("do"), str(asked.get("id", ""))
        library = self._libraries.of(shelf)
        said = ""
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
            count = self._libraries.of(shelf).export(
                target, lambda done, words: progress(done, desc=words)
            )
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
            report = self._libraries.of(shelf).bring(
                Path(archive or ""), lambda done, words: progress(done, desc=words)
            )
        except CirError as error:
            return self._shown(shelf, message("Nothing was imported", str(error)))
        return self._shown(shelf, report_note(report))

    def _shown(self, shelf: Shelf, said: str, page: int = 0) -> Shown:
        return said, self.show(shelf, page), shelf.changed(), _HIDDEN, page


def _waiting(chosen: Uploads) -> str:
    return chosen_note([str(upload.inside) for upload in chosen])
