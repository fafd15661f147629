"""A queue for Gradio in which visitors take turns.

Each `concurrency_id` has a queue of its own, in which the first request of every visitor comes
before the second request of any. Gradio's own `max_size` counts all requests together, so that
searches were refused while somebody added sounds.
"""

from typing import Any, Literal, TypeAlias

import fastapi
import gradio as gr
from gradio.data_classes import PredictBodyInternal
from gradio.queueing import Event, Queue
from gradio.server_messages import ProcessCompletedMessage
from gradio.utils import error_payload

MAX_OF_VISITOR = 64
"""Maximum number of waiting requests per visitor and `concurrency_id`."""

MAX_OF_ALL = 2048
"""Maximum number of waiting requests per `concurrency_id`, to limit memory."""

_UNKNOWN_SECONDS = 5.0
"""Assumed duration of a request before the first one of its kind has ended."""

_Pushed: TypeAlias = tuple[
    bool,
    str | list[dict[str, Any]],
    Literal["success", "error", "queue_full", "validator_error"],
]


class FairQueue(Queue):
    """The queue of one page. A visitor is a session, or an IP address if there is no session."""

    async def push(
        self, body: PredictBodyInternal, request: fastapi.Request, username: str | None
    ) -> _Pushed:
        """Queue a request, or refuse it at once if too many wait already."""
        pushed = await super().push(body, request, username)
        event = self.event_ids_to_events.get(str(pushed[1]))
        if event is not None:  # None: refused by Gradio, or answered from its cache
            waiting = self.event_queue_per_concurrency_id[event.concurrency_id].queue
            waiting.remove(event)
            if refusal := self._refusal(event, waiting):
                self._answer(event, refusal)
            else:
                place = _place(event, waiting)
                waiting.insert(place, event)
                self.broadcast_estimations(event.concurrency_id, place)
        return pushed

    def _refusal(self, event: Event, waiting: list[Event]) -> str | None:
        own = sum(_visitor(other) == _visitor(event) for other in waiting)
        if own >= MAX_OF_VISITOR:
            return (
                f"{own} of your requests are waiting, the maximum per visitor: send the next in "
                f"{self._words_until_turn(event, waiting)}."
            )
        if len(waiting) >= MAX_OF_ALL:
            return (
                f"{len(waiting)} requests are waiting, the maximum of this page: send yours again "
                f"in {self._words_until_turn(event, waiting)}."
            )
        return None

    def _words_until_turn(self, event: Event, waiting: list[Event]) -> str:
        """Estimate the time until one request of each visitor is answered."""
        times = [self.process_time_per_fn.get(other.fn) for other in waiting]
        seconds = [_UNKNOWN_SECONDS if time is None else time.avg_time for time in times]
        at_once = self.event_queue_per_concurrency_id[event.concurrency_id].concurrency_limit or 1
        turn = len(set(map(_visitor, waiting))) / at_once * sum(seconds) / len(seconds)
        return f"about {turn / 60:.0f} minutes" if turn > 90 else f"about {max(1, round(turn))} s"

    def _answer(self, event: Event, refusal: str) -> None:
        """End a request that has not started, as an error of its function would."""
        del self.event_ids_to_events[event._id]
        content = error_payload(gr.Error(refusal), False)
        self.send_message(
            event, ProcessCompletedMessage(output=content, title="Please wait", success=False)
        )


def share_fairly(page: gr.Blocks) -> None:
    """Give a `FairQueue` to a page before its launch."""
    page.queue(max_size=None)
    page._queue = FairQueue(
        live_updates=True,
        concurrency_count=page.max_threads,
        update_intervals=1,
        max_size=None,
        blocks=page,
    )


def _visitor(event: Event) -> str:
    if event.session_hash != event._id:
        return event.session_hash
    client = event.request.client
    return event._id if client is None else client.host


def _place(event: Event, waiting: list[Event]) -> int:
    """Return the position of a visitor's next request in the queue."""
    turns: dict[str, int] = {}
    own = sum(_visitor(other) == _visitor(event) for other in waiting)
    for place, other in enumerate(waiting):
        turn = turns[_visitor(other)] = turns.get(_visitor(other), -1) + 1
        if turn > own:
            return place
    return len(waiting)
