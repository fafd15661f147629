"""Personal databases of all visitors: one for each session, or one folder that is kept.

A session's database and its mix are in Gradio's folder for temporary files, in a folder whose name
is secret: Gradio serves its files, like uploads, to everyone who knows the address, and only the
visitor's page does. The folder is deleted when Gradio drops the session, an hour after its page
was closed. A page that the same browser reloads or opens again in this hour takes it over.
"""

import atexit
import mimetypes
import os
import re
import secrets
import shutil
import threading
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from weakref import WeakValueDictionary

import gradio as gr
from gradio.utils import get_upload_folder

from cir.errors import DatabaseError
from cir.index.bundle import PHRASES_NAME, PREVIEWS_NAME, is_bundle
from cir.index.changes import check_new_folder
from cir.index.database import InstrumentDatabase
from cir.ui.own.library import LIBRARY_VARIABLE, OwnLibrary, check_model
from cir.ui.server.temporary_files import SESSIONS_NAME
from cir.ui.service import PageService

EXPORT_NAME = "my-sounds.zip"
_TOKEN = re.compile(r"[\w-]{32}")

# Gradio serves unknown types as downloads, which not every browser plays.
mimetypes.add_type("audio/ogg", ".opus")


@dataclass(frozen=True)
class Shelf:
    """The state of a visitor's session that identifies its sounds."""

    token: str
    """Name of the folder; whoever knows it can read the files."""
    version: int = 0
    """Rises with each change, so that parts of the page that depend on the sounds are updated."""

    def changed(self) -> "Shelf":
        """Return the shelf after a change of its sounds."""
        return replace(self, version=self.version + 1)


def new_shelf() -> Shelf:
    """Begin a session."""
    return Shelf(secrets.token_urlsafe(24))


class OwnLibraries:
    """The personal databases of all visitors of one page.

    Args:
        service: The page.
        kept_in: One folder that all visitors share and that is kept; None gives each session a
            temporary folder.

    Raises:
        DatabaseError: `kept_in` holds other files, or a database of another model.
    """

    def __init__(self, service: PageService, kept_in: Path | None = None) -> None:
        self.kept_in = kept_in
        self._service = service
        self._sessions = Path(get_upload_folder()) / SESSIONS_NAME
        self._tokens: set[str] = set()
        self._more_holders: Counter[str] = Counter()
        """By token: how many further sessions hold it, after reloads of the page."""
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
            if is_bundle(library.folder):  # visitors without sounds take no memory
                self._open[shelf.token] = library
            return library

    def has_sounds(self, shelf: Shelf) -> bool:
        """Return whether a session has sounds that can be searched."""
        try:
            return len(self.of(shelf)) > 0
        except DatabaseError:
            return False

    def session_folder(self, shelf: Shelf) -> Path:
        """Return the folder that a session may write to and Gradio serves."""
        self._tokens.add(shelf.token)
        return self._sessions / shelf.token

    def resume(self, token: str) -> Shelf | None:
        """Return the shelf of an earlier session of the same browser, if it still has sounds."""
        if self._kept is not None or not _TOKEN.fullmatch(token):
            return None
        shelf = Shelf(token)
        if token not in self._tokens or not self.has_sounds(shelf):
            return None
        with self._lock:
            self._more_holders[token] += 1
        return shelf

    def forget(self, shelf: Shelf | None) -> None:
        """End a session; the last one of its sounds deletes them."""
        if shelf is not None:
            with self._lock:
                if self._more_holders[shelf.token] > 0:
                    self._more_holders[shelf.token] -= 1
                    return
                del self._more_holders[shelf.token]
                self._open.pop(shelf.token, None)
                library = self._in_use.get(shelf.token)
            if library is not None:
                library.close()
            shutil.rmtree(self._sessions / shelf.token, ignore_errors=True)
            self._tokens.discard(shelf.token)

    def _keep(self, folder: Path) -> OwnLibrary:
        sounds = [folder / PREVIEWS_NAME, folder / PHRASES_NAME]
        if is_bundle(folder):
            kept = InstrumentDatabase.open(folder)
            check_model(kept, self._service)
            sounds = kept.sound_folders
        else:
            check_new_folder(folder)
        gr.set_static_paths(sounds)
        return OwnLibrary(folder, self._service)

    def _forget_all(self) -> None:
        self._more_holders.clear()
        for token in list(self._tokens):
            self.forget(Shelf(token))


def library_folder() -> Path | None:
    """Return the folder of sounds that are kept, from the environment; None if it is not set."""
    chosen = os.environ.get(LIBRARY_VARIABLE, "").strip()
    return Path(chosen).expanduser().resolve() if chosen else None
