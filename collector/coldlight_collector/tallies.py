"""What has come to each receiver, and what became of it: plain numbers, for they are counted with every request."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from coldlight_collector.http.messages import Handler, Refusal, Refuse, Request, Response, Routes
from coldlight_collector.intake import Accepted, Intake, Payload, TooLarge, Unavailable
from coldlight_storage import Signal

_REASONS: Mapping[int, str] = {
    HTTPStatus.BAD_REQUEST: "malformed",
    HTTPStatus.UNAUTHORIZED: "unauthenticated",
    HTTPStatus.FORBIDDEN: "forbidden",
    HTTPStatus.NOT_FOUND: "unknown_path",
    HTTPStatus.METHOD_NOT_ALLOWED: "wrong_method",
    HTTPStatus.REQUEST_TIMEOUT: "timeout",
    HTTPStatus.LENGTH_REQUIRED: "malformed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too_large",
    HTTPStatus.REQUEST_URI_TOO_LONG: "too_large",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "unsupported",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limited",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "too_large",
    HTTPStatus.NOT_IMPLEMENTED: "unsupported",
    HTTPStatus.SERVICE_UNAVAILABLE: "unavailable",
}
"""Why a request is refused, by HTTP's word for it. What is not here is `_OTHER`: no sender makes labels."""
_OTHER = "other"
_REFUSED = int(HTTPStatus.BAD_REQUEST)  # as a plain number, for it is looked at with every request
_ALL_REASONS = (*sorted(set(_REASONS.values())), _OTHER)

NOBODY = "none"
"""The receiver of requests that reach none: no HTTP, no such path, too slow, too large."""

UDP = "xray_udp"
"""The one receiver without requests: it counts datagrams, and does so itself (`coldlight_xray_datagrams`)."""


@dataclass
class Taken:
    """What was acknowledged of one signal, and what was refused for good in partial successes: `unreadable_items` were no
    items of their format, `unidentified_items` had no valid id."""

    requests: int = 0
    items: int = 0
    bytes: int = 0
    unreadable_items: int = 0
    unidentified_items: int = 0
    repaired_fields: int = 0
    truncated_fields: int = 0


@dataclass
class Tally:
    """What has come to one receiver; `bytes` as sent, `refused` by reason."""

    requests: int = 0
    bytes: int = 0
    refused: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(_ALL_REASONS, 0)))
    taken: dict[Signal, Taken] = field(default_factory=lambda: {signal: Taken() for signal in Signal})

    def refuse(self, status: int) -> None:
        """Counts a refusal by HTTP's status for it."""
        self.refused[_REASONS.get(status, _OTHER)] += 1

    def counting(self, intake: Intake) -> Intake:
        """The same intake, counted."""

        async def take(signal: Signal, payload: Payload) -> Accepted:
            accepted = await intake(signal, payload)
            taken = self.taken[signal]
            taken.requests += 1
            taken.items += payload.items
            taken.bytes += len(payload.body)
            taken.unreadable_items += accepted.unreadable
            taken.unidentified_items += accepted.rejected - accepted.unreadable
            taken.repaired_fields += accepted.repaired
            taken.truncated_fields += accepted.truncated
            return accepted

        return take

    def counting_all(self, intake: Intake) -> Intake:
        """The same intake of a receiver that has no requests but what it hands over, counted, also what is not taken."""
        counted = self.counting(intake)

        async def take(signal: Signal, payload: Payload) -> Accepted:
            self.requests += 1
            self.bytes += len(payload.body)
            try:
                return await counted(signal, payload)
            except Unavailable:
                self.refuse(HTTPStatus.SERVICE_UNAVAILABLE)
                raise
            except TooLarge:
                self.refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
                raise

        return take

    def counting_routes(self, routes: Routes) -> Routes:
        """The same routes, counted."""
        return {
            path: {method: self._counting(handler) for method, handler in methods.items()}
            for path, methods in routes.items()
        }

    def _counting(self, handler: Handler) -> Handler:
        async def answer(request: Request) -> Response:
            self.bytes += len(request.body)
            response = await handler(request)
            self.requests += 1  # not of one that failed: the server refuses it, and counts it as nobody's
            if response.status >= _REFUSED:
                self.refuse(response.status)
            return response

        return answer

    def counting_refusals(self, refuse: Refuse) -> Refuse:
        """The same refusals, counted: of requests that reach no handler."""

        def render(refusal: Refusal) -> Response:
            self.requests += 1
            self.refuse(refusal.status)
            return refuse(refusal)

        return render


class Tallies(defaultdict[str, Tally]):
    """The tallies, by the receiver's name."""

    def __init__(self) -> None:
        super().__init__(Tally)
