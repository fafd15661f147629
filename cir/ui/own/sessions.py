"""Whose sounds: a personal database for each visitor's session, or one folder that stays.

A session's database and its mix lie under Gradio's folder for temporary files, in a folder whose
name is a secret of that visitor's page: Gradio serves what lies there to whoever knows the address,
as it does with uploads, and nobody else is told it. It goes when Gradio drops the session, an hour
after its page was closed.
"""

import atexit
import mimetypes
import os
import secrets
import shutil
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from weakref import WeakValueDictionary

import gradio as gr
from gradio.utils import get_upload_folder

from cir.errors import DatabaseError
from cir.index.bundle import PHRASES_NAME, PREVIEWS_NAME, is_bundle
from cir.index.database import InstrumentDatabase, check_new_folder
from cir.ui.own.library import LIBRARY_VARIABLE, OwnLibrary, check_model
from cir.ui.server.temporary_files import SESSIONS_NAME
from cir.ui.service import PageService

EXPORT_NAME = "my-sounds.zip"

# Gradio serves what it does not know as a download, which not every browser plays.
mimetypes.add_type("audio/ogg", ".opus")


@dataclass(frozen=True)
class Shelf:
    """What a visitor's session remembers of its sounds."""

    token: str
    """Names its folder; whoever knows it can hear what lies there."""
    version: int = 0
    """Rises with each change, so that whatever depends on the sounds notices."""

    def changed(self) -> "Shelf":
        """The same after a change."""
        return replace(self, version=self.version + 1)


def new_shelf() -> Shelf:
    """Begin a session."""
    return Shelf(secrets.token_urlsafe(24))


class OwnLibraries:
    """The personal databases of all visitors of one page.

    Args:
        service: the page's model.
        kept_in: the one folder that all visitors share and that stays; None gives each session a
            folder of its own, for as long as it lasts.

    Raises:
        DatabaseError: `kept_in` holds something else, or a database of another model.
    """

    def __init__(self, service: PageService, kept_in: Path | None = None) -> None:
        self.kept_in = kept_in
        self._service = service
        self._sessions = Path(get_upload_folder()) / SESSIONS_NAME
        self._tokens: set[str] = set()
        self._open: dict[str, OwnLibrary] = {}
        self._in_use: WeakValueDictionary[str, OwnLibrary] = WeakValueDictionary()
        self._lock = threading.Lock()
        self._kept = None if kept_in is None else self._keep(kept_in)
        atexit.register(self._forget_all)

    def of(self, shelf: Shelf) -> OwnLibrary:
        """Return the sounds of a session."""
        if self._kept is not None:
            return self._kept
        with self._lock:
            library = self._in_use.get(shelf.token)
            if library is None:
                library = OwnLibrary(self.session_folder(shelf) / "library", self._service)
                self._in_use[shelf.token] = library
            if is_bundle(library.folder):  # visitors without sounds leave nothing in memory
                self._open[shelf.token] = library
            return library

    def has_sounds(self, shelf: Shelf) -> bool:
        """Whether a session has sounds that can be searched."""
        try:
            return len(self.of(shelf)) > 0
        except DatabaseError:
            return False

    def session_folder(self, shelf: Shelf) -> Path:
        """Return what a session may write to and Gradio may serve."""
        self._tokens.add(shelf.token)
        return self._sessions / shelf.token

    def forget(self, shelf: Shelf | None) -> None:
        """End a session: what is only kept for it is removed."""
        if shelf is not None:
            with self._lock:
                self._open.pop(shelf.token, None)
                library = self._in_use.get(shelf.token)
            if library is not None:
                library.close()
            shutil.rmtree(self._sessions / shelf.token, ignore_errors=True)
            self._tokens.discard(shelf.token)

    def _keep(self, folder: Path) -> OwnLibrary:
        if is_bundle(folder):
            check_model(InstrumentDatabase.open(folder), self._service)
        else:
            check_new_folder(folder)
        gr.set_static_paths([folder / PREVIEWS_NAME, folder / PHRASES_NAME])
        return OwnLibrary(folder, self._service)

    def _forget_all(self) -> None:
        for token in list(self._tokens):
            self.forget(Shelf(token))


def library_folder() -> Path | None:
    """Read from the environment where sounds are to stay; None where they are not."""
    chosen = os.environ.get(LIBRARY_VARIABLE, "").strip()
    return Path(chosen).expanduser().resolve() if chosen else None
