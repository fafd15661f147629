"""Files to take home: a preview as WAV, which every DAW reads, and preset files of this machine.

Files of this machine are offered only where the page listens to this machine alone, so that the
visitor is its user.
"""

import asyncio
import io
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import soundfile as sf
from gradio.utils import get_upload_folder, is_static_file
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from cir.audio.io import load_audio
from cir.errors import CirError
from cir.index.bundle import PHRASES_NAME, PREVIEWS_NAME
from cir.instruments.safe_zip import INSTRUMENT_SUFFIXES
from cir.types import Instrument
from cir.ui.server.temporary_files import SESSIONS_NAME

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_FORBIDDEN = '<>:"/\\|?*'
_MAX_NAME = 100
_for_this_machine = False


def offer_local_files(listen_on: str | None) -> None:
    """Offer files of this machine if the page listens to this machine alone.

    Args:
        listen_on: Name or address that the page listens on; None for this machine.
    """
    global _for_this_machine
    _for_this_machine = listen_on is None or listen_on in _LOOPBACK


def preset_file(instrument: Instrument) -> Path | None:
    """Return the file that an instrument was made of, if the visitor may have it and it is here."""
    if not _for_this_machine:
        return None
    reference = instrument.engine.partition(":")[2].partition("?preset=")
    path = Path(reference[2] or reference[0].rpartition("#")[0] or reference[0])
    is_here = path.is_absolute() and path.suffix.lower() in INSTRUMENT_SUFFIXES and path.is_file()
    return path if is_here else None


def file_name(instrument: Instrument) -> str:
    """Return a name that every file system takes, `NAME - BANK`, without a suffix."""
    text = " - ".join(filter(None, (instrument.name, instrument.bank)))
    plain = "".join("_" if sign in _FORBIDDEN or not sign.isprintable() else sign for sign in text)
    return plain[:_MAX_NAME].strip(" .") or "sound"


def wav_address(instrument: Instrument, sound: Path) -> str:
    """Return the address of a sound as WAV, relative to the page."""
    return f"take/{quote(file_name(instrument), safe='')}.wav?of={quote(str(sound), safe='')}"


def preset_address(path: Path) -> str:
    """Return the address of a file that `preset_file` named, relative to the page."""
    return f"take/file/{quote(path.name, safe='')}?of={quote(str(path), safe='')}"


def as_wav(path: Path) -> bytes:
    """Decode a preview or phrase to a WAV file of 16 bits at its own rate.

    Raises:
        InputError: It cannot be decoded.
    """
    audio, sample_rate = load_audio(path, sample_rate=None)
    content = io.BytesIO()
    sf.write(content, audio, sample_rate, format="WAV", subtype="PCM_16")
    return content.getvalue()


def take_home_routes() -> list[Route]:
    """Return the routes of the application that `wav_address` and `preset_address` name."""
    return [
        Route("/take/file/{name}", _send_file),
        Route("/take/reveal", _reveal, methods=["POST"]),
        Route("/take/{name}", _send_wav),
    ]


async def _send_wav(request: Request) -> Response:
    path = Path(request.query_params.get("of", ""))
    if not _is_offered(path):
        return _missing()
    try:
        content = await asyncio.to_thread(as_wav, path)
    except CirError:
        return _missing()
    name = quote(request.path_params["name"], safe="")
    return Response(
        content,
        media_type="audio/wav",
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{name}"},
    )


async def _send_file(request: Request) -> Response:
    path = _local_file(request, request.query_params.get("of", ""))
    return _missing() if path is None else FileResponse(path, filename=path.name)


async def _reveal(request: Request) -> Response:
    """Show a file in the file manager; other sites cannot send JSON here without being asked."""
    if request.headers.get("content-type") != "application/json":
        return _missing()
    path = _local_file(request, str((await request.json()).get("of", "")))
    if path is None:
        return _missing()
    command = {
        "darwin": ["open", "-R", str(path)],
        "win32": ["explorer", f"/select,{path}"],
    }.get(sys.platform, ["xdg-open", str(path.parent)])
    try:
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except OSError:
        return PlainTextResponse(f"This machine has no {command[0]} to show files with.", 409)
    return PlainTextResponse("shown")


def _is_offered(path: Path) -> bool:
    """Whether the page plays this sound anyway: a preview or phrase that Gradio serves."""
    real = path.resolve()
    sessions = Path(get_upload_folder(), SESSIONS_NAME).resolve()
    is_sound = real.suffix == ".opus" and real.parent.name in (PREVIEWS_NAME, PHRASES_NAME)
    is_served = is_static_file(real) or real.is_relative_to(sessions)
    return is_sound and is_served and real.is_file()


def _local_file(request: Request, named: str) -> Path | None:
    """Return a sound or preset of this machine, for its user only."""
    is_user = request.client is not None and request.client.host in _LOOPBACK
    is_direct = not {"forwarded", "x-forwarded-for"} & set(request.headers.keys())
    path = Path(named)
    if not (_for_this_machine and is_user and is_direct and path.is_absolute()):
        return None
    is_sound = path.suffix.lower() in INSTRUMENT_SUFFIXES
    return path if is_sound and path.is_file() else None


def _missing() -> Response:
    return PlainTextResponse("There is no such file.", 404)
