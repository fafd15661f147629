"""Forgetting visits: what Gradio keeps of each for good is a quarter of a megabyte."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from gradio.routes import App
from gradio.state_holder import StateHolder

KEPT_FOR = timedelta(hours=1)
"""As long as Gradio keeps the states of a closed page, for the visitor to come back to."""

_LOOK_EVERY_SECONDS = 60.0


@asynccontextmanager
async def forgetting_visits(app: App) -> AsyncIterator[None]:
    """Forget visits that have ended, as long as the application runs."""
    looking = asyncio.create_task(_look_again(app.state_holder))
    try:
        yield
    finally:
        looking.cancel()


def forget_ended_visits(visits: StateHolder, now: datetime) -> None:
    """Forget closed pages, and programs that left nothing here, an hour after their last request.

    A program has no page whose closing would tell that it has gone; it only used components.
    """
    for name, visit in list(visits.session_data.items()):
        idle = now - visits.time_last_used.get(name, now)
        if idle > KEPT_FOR and (visit.is_closed or not visit.state_data):
            visits.delete_state(name)
            visits.session_data.pop(name, None)
            visits.time_last_used.pop(name, None)


async def _look_again(visits: StateHolder) -> None:
    while True:
        await asyncio.sleep(_LOOK_EVERY_SECONDS)
        forget_ended_visits(visits, datetime.now())
