"""What the public API answers about a request: `GET /api/v1/transactions/{id}`, read into what is compared."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from benchmarks.truth.graph import SpanRef

TIMEOUT_S = 60
HEURISTIC = "heuristic"


@dataclass(frozen=True)
class AnsweredHop:
    """As it was answered; `key` and `attempt` are None where the answer has none."""

    producer: SpanRef
    consumer: SpanRef
    evidence: str
    rule: str
    key: str | None
    attempt: int | None


@dataclass(frozen=True)
class Answer:
    """One transaction. `invocations` are pairs of request id and attempt; `messages` have what became of each, by link key."""

    transaction_id: str
    root: SpanRef
    invocations: frozenset[tuple[str, int]]
    hops: tuple[AnsweredHop, ...]
    messages: Mapping[str, str]
    warnings: tuple[str, ...]

    @property
    def known_hops(self) -> Sequence[AnsweredHop]:
        """Without those that are only shown as possible."""
        return [hop for hop in self.hops if hop.evidence != HEURISTIC]


@contextmanager
def api(url: str) -> Iterator["Api"]:
    """The query service at `url`."""
    with httpx.Client(base_url=url, timeout=TIMEOUT_S) as client:
        yield Api(client)


@dataclass(frozen=True)
class Api:
    """What the query service is asked through."""

    client: httpx.Client

    def transactions(self, identifier: str) -> list[Answer]:
        """All transactions around an id: of a trace, a span (`trace:span`), a request, or a link key; empty where there are none.

        Raises LookupError for an answer that is neither these nor that there are none.
        """
        return [answer(found) for page in self._pages(identifier) for found in page]

    def _pages(self, identifier: str) -> Iterator[list[dict[str, Any]]]:
        path, cursor = f"/api/v1/transactions/{quote(identifier, safe='')}", None
        while True:
            reply = self.client.get(path, params={"cursor": cursor} if cursor else {})
            if reply.status_code == httpx.codes.NOT_FOUND:
                return
            if reply.status_code != httpx.codes.OK:
                raise LookupError(f"GET {path}: {reply.status_code} {reply.text[:500]}")
            body = reply.json()
            yield body["transactions"]
            cursor = body.get("next_cursor")
            if cursor is None:
                return


def answer(found: Mapping[str, Any]) -> Answer:
    """Of one of `transactions[]` (DESIGN.md, "Query")."""
    return Answer(
        transaction_id=found["transaction_id"],
        root=_ref(found["root"]),
        invocations=frozenset((run["request_id"], run["attempt"]) for run in found["invocations"]),
        hops=tuple(_hop(hop) for hop in found["hops"]),
        messages={message["key"]: message["status"] for message in found["messages"]},
        warnings=tuple(map(str, found["warnings"])),
    )


def _hop(hop: Mapping[str, Any]) -> AnsweredHop:
    return AnsweredHop(
        _ref(hop["producer"]),
        _ref(hop["consumer"]),
        hop["evidence"],
        hop["rule"],
        hop.get("key"),
        hop.get("attempt"),
    )


def _ref(found: Mapping[str, Any]) -> SpanRef:
    return SpanRef(found["trace_id"], found["span_id"] or "")
