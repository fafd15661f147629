"""Removal of ended visits, of which Gradio keeps a quarter of a megabyte each, forever."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from gradio.routes import App
from gradio.state_holder import StateHolder

KEPT_FOR = timedelta(hours=1)
"""Gradio keeps the states of a closed page for the same time."""

_INTERVAL_SECONDS = 60.0


@asynccontextmanager
async def forgetting_visits(app: App) -> AsyncIterator[None]:
    """Remove ended visits regularly while the application runs."""
    task = asyncio.create_task(_forget_regularly(app.state_holder))
    try:
        yield
    finally:
        task.cancel()


def forget_ended_visits(visits: StateHolder, now: datetime) -> None:
    """Remove visits an hour after their last request: closed pages, and API clients.

    An API client never closes a page; it is recognised by a visit without states.
    """
    for name, visit in list(visits.session_data.items()):
        idle = now - visits.time_last_used.get(name, now)
        if idle > KEPT_FOR and (visit.is_closed or not visit.state_data):
            visits.delete_state(name)
            visits.session_data.pop(name, None)
            visits.time_last_used.pop(name, None)


async def _forget_regularly(visits: StateHolder) -> None:
    while True:
        await asyncio.sleep(_INTERVAL_SECONDS)
        forget_ended_visits(visits, datetime.now())
