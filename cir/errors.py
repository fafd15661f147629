"""The one family of errors that this library raises on purpose.

Each message is one sentence that says what arrived, what is allowed and what to do. The command
line prints it and exits with code 2, the page shows it; neither shows a traceback for a `CirError`.
"""


class CirError(Exception):
    """Anything wrong that the caller can mend."""


class InputError(CirError):
    """An argument or a file from the user is not what it must be."""


class DataError(CirError):
    """A dataset, catalogue or bundle on disk is missing something or contradicts itself."""


class EngineError(CirError):
    """An instrument engine is not installed, or cannot play what was asked."""


class CheckpointError(CirError):
    """A model folder, Hub repository or checkpoint cannot be loaded or saved."""


class DatabaseError(CirError):
    """A database cannot be opened, built or searched."""


class StorageError(CirError):
    """What is to be written does not fit on the disk."""
